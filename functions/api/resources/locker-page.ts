import * as z from 'zod';
import { isOverdue, openCommandOf, settleOverdue } from '../../domain/command.ts';
import { useLink, useLinkAgain, type LinkUse } from '../../domain/link-use.ts';
import { hashLink, linkState, mayPress, type LinkedOpening, type LinkState } from '../../domain/link.ts';
import { readLastSeen } from '../../shared/tower-presence.ts';
import { defineOperation, type Operation, type Reply } from '../operation.ts';
import { pageHeaders } from '../page/headers.ts';
import { maxNameLength, renderLockerPage, renderUnknownLink } from '../page/locker-page.ts';
import { contended } from '../problem.ts';
import type { Services } from '../services.ts';
import { loadOpenings } from './linked-opening.ts';

const tag = 'Locker page';
const path = '/o/{link}';
const contentType = 'text/html; charset=utf-8';
/** Any text: what is no link gets a page, too. */
const params = z.strictObject({ link: z.string() });
/** Whatever a messenger or mail program adds to the links that it shows (`fbclid`, `utm_source`) means nothing here. */
const query = z.object({});
const maxAttempts = 5;
/** Seconds until the page asks again whether the locker opened. A header does it without scripts. */
const refreshSeconds = '2';

const show = defineOperation({
  operationId: 'showLockerPage',
  method: 'GET',
  path,
  tag,
  summary: 'The page behind a locker-open link',
  access: 'public',
  params,
  query,
  body: null,
  problems: [410],
  response: {
    status: 200,
    schema: z.string(),
    contentType,
    description: 'A page with a button, or what became of it.',
  },
  async handle(services, { params: { link } }) {
    const opening = await readLink(services, link);
    if (opening === null) return unknownLink();
    return showState(services, link, opening, await stateOf(services, opening));
  },
});

const press = defineOperation({
  operationId: 'pressLockerButton',
  method: 'POST',
  path,
  tag,
  summary: 'The page’s button: opens the locker',
  description:
    'Pressed twice it opens once: the second finds the command of the first. Answers with a redirect to the page.',
  access: 'public',
  params,
  query,
  body: z.object({
    name: z.string().default('').meta({ description: 'Who presses it; shown to the partner' }),
  }),
  bodyType: 'form',
  problems: [409, 410, 422],
  response: { status: 303, schema: z.string(), contentType, description: 'Back to the page.' },
  async handle(services, { params: { link }, body }) {
    for (let attempt = 1; attempt <= maxAttempts; attempt += 1) {
      const opening = await readLink(services, link);
      if (opening === null) return unknownLink();
      if (await settleIfOverdue(services, opening)) continue;
      const state = await stateOf(services, opening);
      const name = clientName(body.name);
      if (state.kind === 'ready' && name === '') {
        const reply = showState(services, link, opening, state, { nameMissing: true });
        return { ...reply, status: 422 };
      }
      if (!mayPress(state)) return backTo(link);
      const use = await decideUse(services, opening, name);
      const outcome = await services.commit(use);
      if (outcome.kind !== 'committed') continue;
      await publish(services, use);
      return backTo(link);
    }
    throw contended();
  },
});

/** Spaces around it, control characters, and what writes the text after it backwards, are no part of a name. */
function clientName(text: string): string {
  const name = text
    .replaceAll(/\p{Bidi_Control}/gu, '')
    .replaceAll(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ')
    .trim()
    .toWellFormed();
  return Array.from(name).slice(0, maxNameLength).join('').trim();
}

async function decideUse(services: Services, opening: LinkedOpening, name: string): Promise<LinkUse> {
  const order = {
    commandId: services.newId(),
    now: services.now(),
    lifeMs: services.config.commandSeconds * 1_000,
  };
  if (opening.token !== null) return useLinkAgain(opening.request, opening.token, order);
  return useLink(opening, { tokenId: await services.counters.next('token'), clientInfo: name }, order);
}

/**
 * Once it is committed, or a tower could open what nobody knows of. A command that the broker did not take is settled when
 * it is due, like any that got no answer.
 */
async function publish({ towers, warn }: Services, { command }: LinkUse): Promise<void> {
  try {
    await towers.command(command.towerId, openCommandOf(command));
  } catch (error) {
    warn('command not published', { commandId: command.commandId, towerId: command.towerId, cause: error });
  }
}

/** Two commands must never be open for one token. True when there was one to settle: look again. */
async function settleIfOverdue(services: Services, { command }: LinkedOpening): Promise<boolean> {
  const now = services.now();
  if (command === null || !isOverdue(command, now)) return false;
  const decision = settleOverdue(command, now, await readLastSeen(services.entities, command.towerId));
  if (decision !== null) await services.commit(decision);
  return true;
}

async function readLink(services: Services, link: string): Promise<LinkedOpening | null> {
  const ref = { kind: 'link', linkHash: hashLink(link) } as const;
  const found = (await services.entities.getMany([ref])).get(ref);
  if (found === null) return null;
  const requestRef = { kind: 'request', requestId: found.requestId } as const;
  const request = (await services.entities.getMany([requestRef])).get(requestRef);
  const [opening = null] = request === null ? [] : await loadOpenings(services, [request]);
  return opening;
}

async function stateOf(services: Services, opening: LinkedOpening): Promise<LinkState> {
  const { command } = opening;
  const isUnanswered = command !== null && command.outcome === null;
  const lastSeenAt = isUnanswered ? await readLastSeen(services.entities, command.towerId) : null;
  return linkState(opening, services.now(), lastSeenAt);
}

const statusOf = ({ kind }: LinkState): number =>
  kind === 'expired' || kind === 'canceled' || kind === 'outdated' ? 410 : 200;

function showState(
  { config }: Services,
  link: string,
  { request }: LinkedOpening,
  state: LinkState,
  options: { nameMissing?: boolean } = {},
): Reply<string> {
  const page = { state, request, action: pathOf(link), timeZone: config.operatorTimeZone, ...options };
  return {
    status: statusOf(state),
    body: renderLockerPage(page),
    headers: state.kind === 'opening' ? { ...pageHeaders, refresh: refreshSeconds } : pageHeaders,
  };
}

const unknownLink = (): Reply<string> => ({ status: 404, body: renderUnknownLink(), headers: pageHeaders });

const backTo = (link: string): Reply<string> => ({
  status: 303,
  body: '',
  headers: { ...pageHeaders, location: pathOf(link) },
});

const pathOf = (link: string): string => `/o/${encodeURIComponent(link)}`;

export const lockerPageOperations: Operation[] = [show, press];
