import type * as z from 'zod';
import {
  LockerOpenRequestViewSchema,
  LockerOpenRequestWithLinkSchema,
} from '../../../schemas/api/locker-open-request.ts';
import type { ApiAnswer } from '../api-client.ts';
import { eventName } from '../event-name.ts';
import type { DemoPartner, Place } from '../network.ts';
import { ask, nothingTold, pause, type Random, type Story, type Told } from './step.ts';

export interface LinkPlot {
  partner: Pick<DemoPartner, 'partnerId' | 'clientId'>;
  place: Place;
  random: Random;
}

const CreatedSchema = LockerOpenRequestWithLinkSchema.pick({ requestId: true, link: true });
const ViewSchema = LockerOpenRequestViewSchema.pick({
  requestId: true,
  status: true,
  flow: true,
  tokenId: true,
  clientInfo: true,
  commandId: true,
});
export type View = z.infer<typeof ViewSchema>;

/** An item goes in, or comes out: that of a drop-off, or whatever is in the locker. */
export type Wanted =
  { flow: 'dropoff' | 'pickup'; locker: number } | { flow: 'pickup'; itemRequestId: number };

export interface Link {
  requestId: number;
  /** The page's address. */
  link: string;
}

/** Someone drops something off through a link, and someone else fetches it. */
export function* linkStory(plot: LinkPlot): Story {
  const dropoff = yield* sendLink(plot, { flow: 'dropoff', locker: plot.place.locker });
  if (yield* useLink(plot, dropoff)) yield* pickUp(plot, dropoff.requestId);
}

/** What an earlier run left. */
export function* continuedLinkStory(plot: LinkPlot, link: Link): Story {
  const { flow, status } = yield* look(plot, link);
  const isUsed = status === 'used' || (yield* useLink(plot, link, status));
  if (isUsed && flow === 'dropoff') yield* pickUp(plot, link.requestId);
}

function* pickUp(plot: LinkPlot, itemRequestId: number): Story {
  yield pause(plot.random);
  yield* useLink(plot, yield* sendLink(plot, { flow: 'pickup', itemRequestId }));
}

/** How often it is looked at, or pressed, before everyone goes home. */
const maxLooks = 8;
const betweenLooksSeconds = 7;
/** Whoever gets a link stands before the tower already. */
const untilPressedSeconds = 3;

/** The button, until the locker has opened. Towers answer by themselves: see door.ts. True when the token was used. */
function* useLink(plot: LinkPlot, link: Link, known: View['status'] = 'waiting'): Story<boolean> {
  let status = known;
  yield { kind: 'wait', seconds: untilPressedSeconds };
  for (let looks = 1; looks <= maxLooks; looks += 1) {
    if (status === 'used') return true;
    if (status === 'expired' || status === 'canceled') return false;
    if (status === 'waiting' || status === 'failed') yield* press(plot, link);
    yield { kind: 'wait', seconds: betweenLooksSeconds };
    ({ status } = yield* look(plot, link));
  }
  return false;
}

const people = ['Ana', 'Luis', 'Mia', 'Noah', 'Ines', 'Omar'] as const;

export function* sendLink({ partner, place, random }: LinkPlot, wanted: Wanted): Story<Link> {
  const { partnerId, clientId } = partner;
  const body = { towerId: place.towerId, payload: { order: Math.floor(random() * 1e6) }, ...wanted };
  const tell = ({ body: created }: ApiAnswer): Told[] => {
    const { requestId: id } = CreatedSchema.parse(created);
    const name = eventName(place, { entity: 'request', id, version: 1 });
    const detail = `${partnerId} sends a ${wanted.flow} link, request ${id}`;
    return [{ name, where: place.towerId, locker: place.locker, what: 'locker.assigned', detail }];
  };
  const answer = yield* ask({
    clientId,
    request: { method: 'POST', path: '/v1/locker-open-requests', body },
    tell,
    open: ({ body: created }) => ({ kind: 'link', partnerId, place, ...CreatedSchema.parse(created) }),
  });
  return CreatedSchema.parse(answer.body);
}

const viewOf = ({ requestId }: Link) =>
  ({ method: 'GET', path: `/v1/locker-open-requests/${requestId}` }) as const;

export function* look({ partner }: LinkPlot, link: Link): Story<View> {
  const { clientId } = partner;
  return ViewSchema.parse((yield* ask({ clientId, request: viewOf(link), tell: nothingTold })).body);
}

/** As a phone does it: the page's form. It tells nobody its token; the partner may ask. */
function* press({ partner, place, random }: LinkPlot, link: Link): Story {
  const name = people[Math.floor(random() * people.length)] ?? people[0];
  const { pathname } = new URL(link.link);
  yield* ask({
    clientId: null,
    request: { method: 'POST', path: pathname, form: { name } },
    followUp: { clientId: partner.clientId, request: viewOf(link) },
    tell: ({ body }) => pressEvents(place, ViewSchema.parse(body)),
  });
}

function pressEvents(place: Place, { tokenId, commandId, clientInfo }: View): Told[] {
  if (tokenId === null || commandId === null) return [];
  const at = { where: place.towerId, locker: place.locker };
  const token = eventName(place, { entity: 'token', id: tokenId, version: 1 });
  const command = eventName(place, { entity: 'command', id: commandId, version: 1 });
  const detail = `${clientInfo ?? 'someone'} presses the button, token ${tokenId}`;
  return [
    { ...at, name: token, what: 'locker.token_created', detail },
    { ...at, name: command, what: 'command.sent', detail: `the tower shall open locker ${place.locker}` },
  ];
}
