import * as z from 'zod';
import { EventResourceSchema, EventTypeResourceSchema } from '../../../schemas/api/event.ts';
import { expresses } from '../../../schemas/contract-events.ts';
import { ContractNameSchema } from '../../../schemas/contract.ts';
import { eventTypes } from '../../../schemas/event.ts';
import { mayKnow } from '../caller.ts';
import { defineOperation, nothing, type Operation } from '../operation.ts';
import { notFound } from '../problem.ts';

const tag = 'Events';

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

export const eventOperations: readonly Operation[] = [getEvent, listEventTypes];
