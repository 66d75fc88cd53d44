import * as z from 'zod';
import { IntegrationSchema } from './booking.ts';
import { ContractNameSchema } from './contract.ts';
import { InstantSchema, LockerNumberSchema, NameSchema, TowerIdSchema, VersionSchema } from './primitives.ts';

/** Which of the audience's events an endpoint wants. Absent lists mean all. */
export const EndpointFilterSchema = z.strictObject({
  /** Exact types, or a family: `reservation.*`. */
  types: z
    .array(
      z
        .string()
        .regex(
          /^[a-z_]+\.([a-z_]+|\*)$/,
          'must be a type such as "locker.opened" or a family such as "locker.*"',
        ),
    )
    .min(1)
    .max(50)
    .optional(),
  towerIds: z.array(TowerIdSchema).min(1).max(100).optional(),
  lockers: z.array(LockerNumberSchema).min(1).max(100).optional(),
  lockIds: z.array(NameSchema).min(1).max(100).optional(),
});
export type EndpointFilter = z.infer<typeof EndpointFilterSchema>;

/** Seconds from one attempt to the next; the first is from the event to the first attempt. */
export const RetryScheduleSchema = z
  .array(
    z
      .number()
      .min(0)
      .max(7 * 86_400),
  )
  .min(1)
  .max(20);

/** What an endpoint takes at most, all functions together. */
export const EndpointLimitsSchema = z.strictObject({
  perSecond: z
    .number()
    .min(0.1)
    .max(1_000)
    .optional()
    .meta({ description: 'Requests a second, evenly spaced' }),
  concurrency: z.int().min(1).max(100).optional().meta({ description: 'Requests at a time' }),
});
export type EndpointLimits = z.infer<typeof EndpointLimitsSchema>;

export const EndpointSchema = z.object({
  kind: z.literal('endpoint'),
  endpointId: NameSchema,
  partnerId: NameSchema,
  url: z.url({ protocol: /^https?$/ }),
  contract: ContractNameSchema,
  method: z.enum(['POST', 'PUT', 'PATCH']),
  /** `standard` only: thin bodies carry ids and times, full ones all data. */
  detail: z.enum(['thin', 'full']),
  filter: EndpointFilterSchema,
  /** Overrides the stage's schedule. */
  scheduleSeconds: RetryScheduleSchema.optional(),
  /** True: what happens at one locker is delivered one after the other, in order. False: it was, and may have lanes still. */
  ordered: z.boolean().optional(),
  limits: EndpointLimitsSchema.optional(),
  /** True: it hears of its partner's endpoints and deliveries, and of nothing else. */
  operational: z.boolean().optional(),
  status: z.enum(['active', 'disabled']),
  disabledReason: z.string().optional(),
  /** `message-pointer` only: the endpoint is a department's integration. See schemas/booking.ts. */
  integration: IntegrationSchema.optional(),
  /** EndpointSecrets as JSON, encrypted under the KMS key with partner and endpoint as context, in base64. */
  secrets: z.base64(),
  version: VersionSchema,
});
export type Endpoint = z.infer<typeof EndpointSchema>;

/** `whsec_` and 24 to 64 bytes in base64, as Standard Webhooks has it. */
export const SigningSecretSchema = z
  .string()
  .regex(/^whsec_[A-Za-z0-9+/]+={0,2}$/, 'must be "whsec_" and 24 to 64 bytes in base64')
  .refine((secret) => {
    const bytes = Buffer.from(secret.slice('whsec_'.length), 'base64');
    return (
      bytes.length >= 24 && bytes.length <= 64 && bytes.toString('base64') === secret.slice('whsec_'.length)
    );
  }, 'must be "whsec_" and 24 to 64 bytes in base64');

/**
 * An Ed25519 signing key: `whsk_` and 64 bytes in base64, the seed and the public key, as other senders of Standard
 * Webhooks write it.
 */
export const SigningPrivateKeySchema = z
  .string()
  .regex(/^whsk_[A-Za-z0-9+/]{86}==$/, 'must be "whsk_" and 64 bytes in base64');

/** KMS encrypts 4,096 bytes at most: these, and three signing keys. */
const maxAuthBytes = 3_072;

export const EndpointAuthSchema = z
  .discriminatedUnion('type', [
    z.strictObject({ type: z.literal('none') }),
    z.strictObject({ type: z.literal('bearer'), token: z.string().regex(/^[\x21-\x7e]{1,2048}$/) }),
    /** RFC 7617: no colon in the name, no control characters. */
    z.strictObject({
      type: z.literal('basic'),
      username: z.string().regex(/^[^:\p{Cc}]{0,255}$/u, 'must have neither a colon nor control characters'),
      password: z.string().regex(/^\P{Cc}{0,1024}$/u, 'must have no control characters'),
    }),
  ])
  .refine(
    (auth) => Buffer.byteLength(JSON.stringify(auth)) <= maxAuthBytes,
    `must take at most ${maxAuthBytes} bytes as JSON`,
  );
export type EndpointAuth = z.infer<typeof EndpointAuthSchema>;

/** A signing key and its end: null while it is the current one. Past its end it never signs. */
const EndpointSigningKeySchema = z.object({
  key: z.union([SigningSecretSchema, SigningPrivateKeySchema]),
  notAfter: InstantSchema.nullable(),
});
export type EndpointSigningKey = z.infer<typeof EndpointSigningKeySchema>;

/** What rests encrypted in an endpoint. The newest signing key first; every one in force signs. */
export const EndpointSecretsSchema = z.object({
  signingKeys: z.array(EndpointSigningKeySchema).min(1).max(3),
  auth: EndpointAuthSchema,
});
export type EndpointSecrets = z.infer<typeof EndpointSecretsSchema>;
