import { expect } from 'vitest';
import * as z from 'zod';
import { InstantSchema } from '../../schemas/primitives.ts';
import type { ApiClient } from '../helpers/api-client.ts';
import type { Inbox, ReceivedRequest, Receiver } from '../helpers/receiver.ts';
import { waitFor } from '../helpers/stack-process.ts';
import { otherSecret, secret, standardEndpoint, type World } from './world.ts';

const every = {
  id: z.string(),
  occurredAt: InstantSchema,
  receivedAt: InstantSchema,
  cause: z.literal('system'),
  late: z.literal(false),
  towerId: z.null(),
  locker: z.null(),
  endpointId: z.string(),
  partnerId: z.string(),
};
const HealthDataSchema = z.strictObject({
  ...every,
  failingSince: InstantSchema.nullable(),
  reason: z.string().nullable(),
});
const DeadDataSchema = z.strictObject({
  ...every,
  deliveryId: z.string(),
  eventId: z.string(),
  eventType: z.string(),
  reason: z.string(),
  attempts: z.int(),
  sequence: z.int().nullable(),
  sequenceOf: z.string().nullable(),
});
const said = [
  { type: z.enum(['endpoint.failing', 'endpoint.recovered', 'endpoint.disabled']), data: HealthDataSchema },
  { type: z.literal('delivery.dead'), data: DeadDataSchema },
] as const;
const cloudEvent = {
  specversion: z.literal('1.0'),
  id: z.string(),
  source: z.literal('/towercast'),
  subject: z.string(),
  time: InstantSchema,
  datacontenttype: z.literal('application/json'),
};

/** The bodies that are documented, of both contracts that say operational events: with nothing missing, and nothing more. */
const BodySchema = z.union([
  ...said.map((one) => z.strictObject({ ...one, timestamp: InstantSchema })),
  ...said.map((one) => z.strictObject({ ...one, ...cloudEvent })),
]);
type Told = z.infer<typeof BodySchema>;

function toldBy({ body, headers, signature }: ReceivedRequest): Told {
  const told = BodySchema.parse(JSON.parse(body.toString()));
  expect({ signature, id: headers['webhook-id'] }).toEqual({ signature: 'ok', id: told.data.id });
  return told;
}

/** What an operational endpoint was told of another one, in the order in which it happened. */
export const toldAbout = ({ requests }: Inbox, endpointId: string): Told[] =>
  requests
    .map(toldBy)
    .filter(({ data }) => data.endpointId === endpointId)
    .toSorted((a, b) => Date.parse(a.data.occurredAt) - Date.parse(b.data.occurredAt));

export const typesAbout = (inbox: Inbox, endpointId: string): string[] =>
  toldAbout(inbox, endpointId).map(({ type }) => type);

/** Resolves when an operational endpoint was told so much of another one; with more, whoever looks next sees it. */
export const waitUntilTold = async (inbox: Inbox, endpointId: string, count: number, timeoutMs = 30_000) =>
  waitFor(() => (typesAbout(inbox, endpointId).length >= count ? true : undefined), {
    timeoutMs,
    describe: () => `${count} events about ${endpointId}, not ${typesAbout(inbox, endpointId).join(', ')}`,
  });

export interface Listener {
  endpointId: string;
  partnerId: string;
  inbox: Inbox;
}

/**
 * Waits until operational endpoints have each event that concerns them and is on record, so that none is still to come, and
 * holds against that what came: each of them once.
 */
export async function expectToldOnce(world: World, listeners: readonly Listener[]): Promise<void> {
  for (const { endpointId, partnerId, inbox } of listeners) {
    const concerning = async () =>
      (await world.events()).filter(
        ({ cause, partnerIds, type, data }) =>
          cause === 'system' &&
          partnerIds.includes(partnerId) &&
          !(type.startsWith('endpoint.') && 'endpointId' in data && data.endpointId === endpointId),
      );
    const events = await waitFor(
      async () => {
        const all = await concerning();
        return all.every(({ id }) => inbox.accepted.has(id)) ? all : undefined;
      },
      { timeoutMs: 30_000, describe: () => `every operational event at ${endpointId}` },
    );
    expect(inbox.requests.map(({ id }) => id).toSorted()).toEqual(events.map(({ id }) => id).toSorted());
  }
}

/** The operational endpoints of `acme` and of the operator, who shall hear of trouble at acme's, and a rival's, who shall not. */
export interface Audience {
  partner: Inbox;
  operator: Inbox;
  rival: Inbox;
  listeners: readonly Listener[];
  /** For the network file. */
  endpoints: (ReturnType<typeof standardEndpoint> & { operational: true })[];
}

export function expectAudience(receiver: Receiver): Audience {
  const partner = receiver.expect('/partner', { secret });
  const operator = receiver.expect('/operator', { secret: otherSecret });
  const rival = receiver.expect('/rival', { secret });
  const at = (name: string, partnerId: string) => ({
    ...standardEndpoint(name, receiver.url(`/${name}`), partnerId),
    operational: true as const,
  });
  return {
    partner,
    operator,
    rival,
    listeners: [
      { endpointId: 'partner', partnerId: 'acme', inbox: partner },
      { endpointId: 'operator', partnerId: 'operator', inbox: operator },
    ],
    endpoints: [
      at('partner', 'acme'),
      { ...at('operator', 'operator'), secret: otherSecret },
      at('rival', 'rival'),
    ],
  };
}

/** Enables an endpoint again, as its partner. */
export async function enable(api: ApiClient, endpointId: string): Promise<void> {
  const path = `/v1/endpoints/${endpointId}`;
  const { headers } = await api.call('GET', path);
  const answer = await api.call('PATCH', path, {
    body: { status: 'active' },
    headers: { 'if-match': headers.get('etag') ?? '' },
  });
  expect(answer).toMatchObject({ status: 200, json: { status: 'active' } });
}
