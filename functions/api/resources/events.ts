import * as z from 'zod';
import {
  EventResourceSchema,
  EventTypeResourceSchema,
  PulledEventsSchema,
} from '../../../schemas/api/event.ts';
import { expresses } from '../../../schemas/contract-events.ts';
import { ContractNameSchema } from '../../../schemas/contract.ts';
import type { EndpointFilter } from '../../../schemas/endpoint.ts';
import { eventTypes } from '../../../schemas/event.ts';
import { coversType } from '../../../schemas/event-type-pattern.ts';
import { addMs, compareInstants } from '../../../schemas/instant.ts';
import {
  LockerNumberSchema,
  NameSchema,
  TimestampSchema,
  TowerIdSchema,
  type Instant,
} from '../../../schemas/primitives.ts';
import type { LogPosition } from '../../../schemas/redrive.ts';
import { mayKnow, ownerFor } from '../caller.ts';
import { formatLogCursor, readLogCursor } from '../log-cursor.ts';
import { defineOperation, nothing, type Operation } from '../operation.ts';
import { pageQuery } from '../pagination.ts';
import { invalidField, notFound } from '../problem.ts';
import { pullEvents } from '../pull-events.ts';
import type { Services } from '../services.ts';
import { readTimestamp } from '../timestamp.ts';

const tag = 'Events';

const PullQuerySchema = z.strictObject({
  after: z
    .string()
    .min(1)
    .max(2048)
    .optional()
    .meta({ description: '`next` of the answer before; default: from the oldest that is kept, or `since`' }),
  since: TimestampSchema.optional().meta({
    description: 'For a first request: leaves out what was received before',
  }),
  limit: pageQuery.limit,
  wait: z.coerce.number().int().min(0).max(20).default(0).meta({
    description:
      'Seconds to wait for an event when there is none yet. Only so many requests of a partner may wait at a time: 429',
  }),
  types: z.string().min(1).optional().meta({
    description: 'Types and families, separated by commas',
    example: 'reservation.*,locker.opened',
  }),
  towerId: TowerIdSchema.optional(),
  locker: z.coerce.number().pipe(LockerNumberSchema).optional(),
  partnerId: NameSchema.optional().meta({ description: 'Whose log; required of operators' }),
});

const listEvents = defineOperation({
  operationId: 'listEvents',
  method: 'GET',
  path: '/v1/events',
  tag,
  summary: 'Pull events',
  description:
    'Everything that concerns a partner, with or without endpoints, in order of receipt. Keep `next`, and send it as ' +
    '`after`: no event ever appears before it. `items` may be empty before the end when few events pass the filters. A ' +
    'cursor is good for as long as events are kept: when what followed it is no longer, the answer is 410 (`cursor_expired`).',
  access: 'any',
  params: nothing,
  query: PullQuerySchema,
  body: null,
  problems: [410, 429, 503],
  response: { status: 200, schema: PulledEventsSchema, description: 'What follows, the oldest first.' },
  async handle(services, { query, caller }) {
    const { after, limit, wait } = query;
    const partnerId = ownerFor(caller, query.partnerId, '/query/partnerId');
    const filter = filterOf(query);
    const since = query.since === undefined ? null : readTimestamp(query.since, '/query/since');
    if (after !== undefined && since !== null)
      throw invalidField('/query/since', 'is for a first request: leave it out beside "after"');
    const from =
      after === undefined ? await startOf(services, partnerId, since) : readLogCursor(partnerId, after);
    const waiterId = caller.kind === 'partner' ? caller.partnerId : null;
    const isContinued = after !== undefined;
    const pull = { partnerId, from, isContinued, limit, filter, since, waitMs: wait * 1_000, waiterId };
    const pulled = await pullEvents(services, pull);
    return { body: { ...pulled, next: formatLogCursor(partnerId, pulled.next) } };
  },
});

/**
 * Where a first request begins: at `since`, or the oldest that is kept. What is older than that is cleaned up in any order,
 * and a cursor among it would be told again and again that something after it is gone.
 */
async function startOf(
  { log, now, config }: Services,
  partnerId: string,
  since: Instant | null,
): Promise<LogPosition> {
  const oldest = addMs(now(), -config.retentionDays * 86_400_000);
  return log.seek(partnerId, since === null || compareInstants(since, oldest) < 0 ? oldest : since);
}

/** Throws 400 for types that no event will ever have. */
function filterOf({ types, towerId, locker }: z.infer<typeof PullQuerySchema>): EndpointFilter {
  const wanted = types?.split(',').map((type) => type.trim());
  if (wanted?.some((pattern) => !eventTypes.some((type) => coversType(pattern, type))) === true)
    throw invalidField('/query/types', 'names what matches no event type');
  return {
    ...(wanted !== undefined && { types: wanted }),
    ...(towerId !== undefined && { towerIds: [towerId] }),
    ...(locker !== undefined && { lockers: [locker] }),
  };
}

const getEvent = defineOperation({
  operationId: 'getEvent',
  method: 'GET',
  path: '/v1/events/{eventId}',
  tag,
  summary: 'Read an event',
  description: 'By the id that every webhook carries as `webhook-id`. A partner sees events that concern it.',
  access: 'any',
  params: z.strictObject({ eventId: z.string().min(1).max(256) }),
  query: nothing,
  body: null,
  response: { status: 200, schema: EventResourceSchema, description: 'The event.' },
  handle: async ({ events }, { params: { eventId }, caller }) => {
    const event = await events.get(eventId);
    const knows =
      event !== null && (caller.kind === 'operator' || event.partnerIds.some((id) => mayKnow(caller, id)));
    if (!knows) throw notFound('There is no such event.');
    return { body: event };
  },
});

const listEventTypes = defineOperation({
  operationId: 'listEventTypes',
  method: 'GET',
  path: '/v1/event-types',
  tag,
  summary: 'List event types',
  description: 'With the contracts that have a way to say each.',
  access: 'any',
  params: nothing,
  query: nothing,
  body: null,
  response: {
    status: 200,
    schema: z.object({ items: z.array(EventTypeResourceSchema) }),
    description: 'All event types.',
  },
  handle: async () => ({
    body: {
      items: eventTypes.map((type) => ({
        type,
        contracts: ContractNameSchema.options.filter((contract) =>
          expresses(contract, { type, cause: 'tower' }),
        ),
      })),
    },
  }),
});

export const eventOperations: readonly Operation[] = [listEvents, getEvent, listEventTypes];
