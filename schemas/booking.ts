import * as z from 'zod';
import { InstantSchema, NameSchema } from './primitives.ts';

/** Everything that a booking says, besides its id. Our own: the partner document leaves it to the API. */
export const BookingDetailsSchema = z.object({
  departmentId: NameSchema,
  start: InstantSchema,
  end: InstantSchema,
  numberOfPeople: z.int().min(1).max(1_000),
  customer: z.object({
    name: z.string().min(1).max(200),
    email: z.string().max(254).optional(),
    phone: z.string().max(32).optional(),
  }),
  comment: z.string().max(2_000).optional(),
});
export type BookingDetails = z.infer<typeof BookingDetailsSchema>;

/** A department's booking. A deleted one stays, so that its id is not taken again. */
export const BookingSchema = z.object({
  kind: z.literal('booking'),
  bookingId: NameSchema,
  partnerId: NameSchema,
  ...BookingDetailsSchema.shape,
  status: z.enum(['active', 'deleted']),
  version: z.int().min(0),
});
export type Booking = z.infer<typeof BookingSchema>;

/** What the details of a message look like. There has been one version so far. */
export const ApiVersionSchema = z.enum(['v1']);
export type ApiVersion = z.infer<typeof ApiVersionSchema>;
export const latestApiVersion: ApiVersion = 'v1';

/** What makes an endpoint a department's integration. */
export const IntegrationSchema = z.object({
  name: z.string().min(1).max(200),
  departmentId: NameSchema,
  /** Pinned: a newer version changes nothing for it. */
  apiVersion: ApiVersionSchema,
});

/**
 * That a message was marked as read; without it, it was not. The message itself is the event, whose id it has.
 * `message-pointer` repeats until this exists.
 */
export const ReadMessageSchema = z.object({
  kind: z.literal('message'),
  messageId: z.string().min(1),
  partnerId: NameSchema,
  readAt: InstantSchema,
  /** Epoch seconds: TTL, for the event is gone by then too. */
  expiresAt: z.int(),
  version: z.int().min(0),
});
export type ReadMessage = z.infer<typeof ReadMessageSchema>;
