import * as z from 'zod';
import { ContractNameSchema } from './contract.ts';
import {
  EndpointAuthSchema,
  EndpointFilterSchema,
  EndpointSchema,
  RetryScheduleSchema,
  SigningPrivateKeySchema,
  SigningSecretSchema,
} from './endpoint.ts';
import { eventTypes } from './event.ts';
import { InstantSchema, NameSchema } from './primitives.ts';

/** Looked at by functions/api/endpoint-url.ts, whose reasons never quote it. */
const url = z.string().min(1);
const { method, detail, status } = EndpointSchema.shape;

/** A signing key of the partner's own; without it one is made. Its prefix tells its kind. */
export const GivenKeySchema = z.union([SigningSecretSchema, SigningPrivateKeySchema]);
/** `hmac` signs with a secret that both sides know, `ed25519` with a key that only Towercast knows. */
export const SigningSchema = z.enum(['hmac', 'ed25519']);
export type Signing = z.infer<typeof SigningSchema>;

/** Body of `POST /v1/endpoints`. */
export const EndpointBodySchema = z.strictObject({
  url,
  contract: ContractNameSchema.default('standard'),
  method: method.default('POST'),
  detail: detail.default('full'),
  filter: EndpointFilterSchema.default({}),
  scheduleSeconds: RetryScheduleSchema.optional(),
  auth: EndpointAuthSchema.default({ type: 'none' }),
  signing: SigningSchema.optional(),
  secret: GivenKeySchema.optional(),
  /** Of operators only: whose endpoint it is. */
  partnerId: NameSchema.optional(),
});

/** Body of `PATCH /v1/endpoints/{endpointId}`: what it names changes. */
export const EndpointChangesSchema = z.strictObject({
  url: url.optional(),
  method: method.optional(),
  detail: detail.optional(),
  filter: EndpointFilterSchema.optional(),
  /** Null: the stage's. */
  scheduleSeconds: RetryScheduleSchema.nullable().optional(),
  auth: EndpointAuthSchema.optional(),
  /** What happens while it is disabled is recorded as held. */
  status: status.optional(),
});
export type EndpointChanges = z.infer<typeof EndpointChangesSchema>;

/** An endpoint as it is shown: all but its secrets. */
export const EndpointViewSchema = EndpointSchema.omit({ kind: true, secrets: true });

/** The answer that shows a new key: nobody is shown it again. */
export const EndpointWithKeySchema = EndpointViewSchema.extend({
  /** `whsec_`; null for ed25519, and for a key that was given. */
  secret: SigningSecretSchema.nullable(),
  /** `whpk_`, for ed25519. */
  publicKey: z.string().nullable(),
});

/** Body of `POST /v1/endpoints/{endpointId}/rotate`. */
export const RotationBodySchema = z.strictObject({
  /** Default: the kind of the current key. */
  signing: SigningSchema.optional(),
  secret: GivenKeySchema.optional(),
});

/** Keys that sign now, the newest first. `notAfter` is null for the current one. */
export const SigningKeyViewSchema = z.object({ signing: SigningSchema, notAfter: InstantSchema.nullable() });

export const RotatedEndpointSchema = EndpointWithKeySchema.extend({
  signingKeys: z.array(SigningKeyViewSchema),
});

export const PublicKeysSchema = z.object({
  publicKeys: z.array(z.object({ publicKey: z.string(), notAfter: InstantSchema.nullable() })),
});

/** Body of `POST /v1/endpoints/{endpointId}/test`. */
export const EndpointTestBodySchema = z.strictObject({ type: z.enum(eventTypes) });
