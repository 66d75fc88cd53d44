import * as z from 'zod';
import { ApiVersionSchema, BookingDetailsSchema, latestApiVersion } from '../booking.ts';
import { SigningSecretSchema } from '../endpoint.ts';
import { InstantSchema, NameSchema, TimestampSchema } from '../primitives.ts';

const { customer, departmentId, numberOfPeople, comment } = BookingDetailsSchema.shape;
const strictCustomer = z.strictObject({
  name: customer.shape.name.meta({ description: 'What the customer is called' }),
  email: customer.shape.email.meta({ description: 'E-mail address' }),
  phone: customer.shape.phone.meta({ description: 'Phone number' }),
});

const texts = {
  partnerId: 'Whom it is for; required of operators',
  start: 'When it begins, as an RFC 3339 date-time',
  end: 'When it ends, after the start, as an RFC 3339 date-time',
  numberOfPeople: 'How many people come',
  customer: 'Who booked',
  comment: 'A remark, for people',
};

export const NewBookingSchema = z.strictObject({
  partnerId: NameSchema.optional().meta({ description: texts.partnerId }),
  departmentId: departmentId.meta({
    description: 'The department that is booked; its integrations are told',
  }),
  start: TimestampSchema.meta({ description: texts.start }),
  end: TimestampSchema.meta({ description: texts.end }),
  numberOfPeople: numberOfPeople.default(1).meta({ description: texts.numberOfPeople }),
  customer: strictCustomer.meta({ description: texts.customer }),
  comment: comment.meta({ description: texts.comment }),
});

/** A booking stays in its department. */
export const BookingChangesSchema = z.strictObject({
  start: TimestampSchema.optional().meta({ description: texts.start }),
  end: TimestampSchema.optional().meta({ description: texts.end }),
  numberOfPeople: numberOfPeople.optional().meta({ description: texts.numberOfPeople }),
  customer: strictCustomer.optional().meta({ description: texts.customer }),
  comment: comment.meta({ description: texts.comment }),
});

export const BookingResourceSchema = z.object({
  bookingId: NameSchema,
  partnerId: NameSchema,
  ...BookingDetailsSchema.shape,
});

const integration = {
  name: z.string().min(1).max(200),
  url: z.string().min(1).max(2_048),
  active: z.boolean(),
  apiVersion: ApiVersionSchema,
};

const integrationTexts = {
  name: 'What people call it',
  url: 'Where the notifications go; a user name and password in it become a Basic Authorization header',
  active: 'False: it is told nothing until it is activated',
  apiVersion: 'What the details of a message look like; a newer version changes nothing for it',
};

export const NewIntegrationSchema = z.strictObject({
  partnerId: NameSchema.optional().meta({ description: texts.partnerId }),
  departmentId: NameSchema.meta({ description: 'The department whose bookings it is told of' }),
  name: integration.name.meta({ description: integrationTexts.name }),
  url: integration.url.meta({ description: integrationTexts.url }),
  active: integration.active.default(false).meta({ description: integrationTexts.active }),
  apiVersion: integration.apiVersion
    .default(latestApiVersion)
    .meta({ description: integrationTexts.apiVersion }),
  secret: SigningSecretSchema.optional().meta({
    description: 'Signs the notifications: `whsec_` and 24 to 64 bytes in base64; made up when you give none',
  }),
});

export const IntegrationChangesSchema = z.strictObject({
  name: integration.name.optional().meta({ description: integrationTexts.name }),
  url: integration.url.optional().meta({ description: integrationTexts.url }),
  active: integration.active.optional().meta({ description: integrationTexts.active }),
  apiVersion: integration.apiVersion.optional().meta({ description: integrationTexts.apiVersion }),
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
