import * as z from 'zod';
import { ApiVersionSchema, BookingDetailsSchema, latestApiVersion } from '../booking.ts';
import { SigningSecretSchema } from '../endpoint.ts';
import { InstantSchema, NameSchema, TimestampSchema } from '../primitives.ts';

const { customer, departmentId, numberOfPeople, comment } = BookingDetailsSchema.shape;
const strictCustomer = z.strictObject(customer.shape);

export const NewBookingSchema = z.strictObject({
  /** Operators name the partner; a partner books for itself. */
  partnerId: NameSchema.optional(),
  departmentId,
  start: TimestampSchema,
  end: TimestampSchema,
  numberOfPeople: numberOfPeople.default(1),
  customer: strictCustomer,
  comment,
});

/** A booking stays in its department. */
export const BookingChangesSchema = z.strictObject({
  start: TimestampSchema.optional(),
  end: TimestampSchema.optional(),
  numberOfPeople: numberOfPeople.optional(),
  customer: strictCustomer.optional(),
  comment,
});

export const BookingResourceSchema = z.object({
  bookingId: NameSchema,
  partnerId: NameSchema,
  ...BookingDetailsSchema.shape,
});

const integration = {
  name: z.string().min(1).max(200),
  /** Where the notifications go. */
  url: z.string().min(1).max(2_048),
  active: z.boolean(),
  /** What the details of a message look like. In doubt the latest, which is the default. */
  apiVersion: ApiVersionSchema,
};

export const NewIntegrationSchema = z.strictObject({
  partnerId: NameSchema.optional(),
  departmentId: NameSchema,
  name: integration.name,
  url: integration.url,
  /** It tells nothing until it is activated. */
  active: integration.active.default(false),
  apiVersion: integration.apiVersion.default(latestApiVersion),
  /** Made up when you give none. */
  secret: SigningSecretSchema.optional(),
});

export const IntegrationChangesSchema = z.strictObject({
  name: integration.name.optional(),
  url: integration.url.optional(),
  active: integration.active.optional(),
  apiVersion: integration.apiVersion.optional(),
});

export const IntegrationResourceSchema = z.object({
  integrationId: NameSchema,
  partnerId: NameSchema,
  departmentId: NameSchema,
  ...integration,
});

/** The only time that the signing secret is shown. Null when you gave it. */
export const CreatedIntegrationSchema = IntegrationResourceSchema.extend({
  secret: SigningSecretSchema.nullable(),
});

/** The details behind a message pointer, in API version `v1`. */
export const MessageResourceSchema = z.object({
  messageId: z.string(),
  apiVersion: ApiVersionSchema,
  action: z.enum(['add', 'edit', 'delete']),
  /** When it happened. */
  createdAt: InstantSchema,
  /** Null until it is marked as read. */
  readAt: InstantSchema.nullable(),
  /** As it was after this; for `delete`, before. */
  booking: BookingResourceSchema.omit({ partnerId: true }),
});
