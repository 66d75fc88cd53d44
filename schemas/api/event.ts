import * as z from 'zod';
import { ContractNameSchema } from '../contract.ts';
import { CauseSchema, eventTypes } from '../event.ts';
import { InstantSchema, LockerNumberSchema, TowerIdSchema } from '../primitives.ts';

export const EventTypeNameSchema = z.enum(eventTypes);

/** An event as its audience may read it. What `data` holds depends on the type: see the webhooks of this document. */
export const EventResourceSchema = z.object({
  id: z.string(),
  type: EventTypeNameSchema,
  occurredAt: InstantSchema,
  receivedAt: InstantSchema,
  cause: CauseSchema,
  /** True when something newer was already known, so that this event moved no state. */
  late: z.boolean(),
  towerId: TowerIdSchema.nullable(),
  locker: LockerNumberSchema.nullable(),
  data: z.looseObject({}),
});

/** What follows in a partner's log. */
export const PulledEventsSchema = z.object({
  items: z.array(EventResourceSchema),
  next: z.string().meta({
    description: 'Goes on from here: always given, and good for as long as events are kept (then 410)',
  }),
  atEnd: z.boolean().meta({ description: 'Whether nothing followed at the time' }),
});

export const EventTypeResourceSchema = z.object({
  type: EventTypeNameSchema,
  /** Contracts that have a way to say it. */
  contracts: z.array(ContractNameSchema),
});
