import * as z from 'zod';
import { AttemptSchema, DeliveryStatusSchema } from '../delivery.ts';
import { InstantSchema, NameSchema } from '../primitives.ts';
import { EventTypeNameSchema } from './event.ts';

export const DeliveryResourceSchema = z.object({
  id: z.string(),
  endpointId: NameSchema,
  partnerId: NameSchema,
  eventId: z.string(),
  eventType: EventTypeNameSchema,
  receivedAt: InstantSchema,
  status: DeliveryStatusSchema,
  /** Why it is dead or held. */
  reason: z.string().nullable(),
  attempts: z.array(AttemptSchema),
  /** Null when the next attempt is on the queue already, or there is none. */
  nextAttemptAt: InstantSchema.nullable(),
});
