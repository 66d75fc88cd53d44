import * as z from 'zod';
import { AttemptSchema, DeliveryStatusSchema, ReplaySchema } from '../delivery.ts';
import { InstantSchema, NameSchema } from '../primitives.ts';
import { meaningOf2xx } from '../proof.ts';
import { EventTypeNameSchema } from './event.ts';

export const DeliveryResourceSchema = z.object({
  id: z.string(),
  endpointId: NameSchema,
  partnerId: NameSchema,
  eventId: z.string(),
  eventType: EventTypeNameSchema,
  receivedAt: InstantSchema,
  status: DeliveryStatusSchema,
  /** Why it is dead or held, or why it waits: `breaker_open`, `rate_limited`, `behind` another one of its locker. */
  reason: z.string().nullable(),
  attempts: z.array(AttemptSchema).meta({
    description: `What each POST came to. ${meaningOf2xx}`,
  }),
  nextAttemptAt: InstantSchema.nullable().meta({
    description:
      'Null when the next attempt is on the queue already, or there is none. Of an ordered delivery: when it comes at the latest.',
  }),
  sequence: z.int().min(1).optional().meta({
    description:
      'Its number among those of its locker, if its endpoint is ordered and it had or awaits its turn.',
  }),
  /** Set when it was asked for again: by which redrive, if by one, and after how many attempts. */
  replay: ReplaySchema.nullable(),
});

export const RetriedDeliverySchema = DeliveryResourceSchema.extend({
  redriveId: NameSchema.optional().meta({
    description: 'At an endpoint that asks for order: the redrive that sends it, which may run already.',
  }),
});
