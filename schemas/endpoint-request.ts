import * as z from 'zod';
import { ContractNameSchema } from './contract.ts';
import {
  EndpointAuthSchema,
  EndpointFilterSchema,
  EndpointLimitsSchema,
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

const texts = {
  url: 'Where the requests go: begins with https, and has no credentials',
  method: 'How they are sent',
  detail: '`standard` only: thin bodies carry ids and times, full ones all data',
  filter: 'Which events it wants; absent lists mean all',
  scheduleSeconds:
    'Seconds from one attempt to the next, the first from the event to the first attempt; all together, and a fifth more, within the time that deliveries are kept (90 days by default). Default: the stage’s',
  ordered:
    'True: what happens at one locker is sent one after the other, in order, each with its number; one that fails holds back its locker only. Not for `message-pointer`',
  limits: 'What the endpoint takes at most; what comes faster is sent later. Default: no limits',
  operational:
    'True: it hears of your endpoints and of dead deliveries (`endpoint.*`, `delivery.dead`), and of nothing else; for `standard` and `cloudevents`',
  auth: 'The Authorization header of the requests: none, a bearer token, or basic',
  secret: 'A signing key of your own: `whsec_` or `whsk_` and base64; made up when you give none',
};

/** Body of `POST /v1/endpoints`. */
export const EndpointBodySchema = z.strictObject({
  url: url.meta({ description: texts.url }),
  contract: ContractNameSchema.default('standard').meta({ description: 'What the requests look like' }),
  method: method.default('POST').meta({ description: texts.method }),
  detail: detail.default('full').meta({ description: texts.detail }),
  filter: EndpointFilterSchema.default({}).meta({ description: texts.filter }),
  scheduleSeconds: RetryScheduleSchema.optional().meta({ description: texts.scheduleSeconds }),
  ordered: z.boolean().optional().meta({ description: texts.ordered }),
  limits: EndpointLimitsSchema.optional().meta({ description: texts.limits }),
  operational: z.boolean().optional().meta({ description: texts.operational }),
  auth: EndpointAuthSchema.default({ type: 'none' }).meta({ description: texts.auth }),
  signing: SigningSchema.optional().meta({
    description:
      '`hmac` signs with a secret that both sides know, `ed25519` with a key that only Towercast knows',
  }),
  secret: GivenKeySchema.optional().meta({ description: texts.secret }),
  partnerId: NameSchema.optional().meta({ description: 'Whose endpoint it is; required of operators' }),
});

/** Body of `PATCH /v1/endpoints/{endpointId}`: what it names changes. */
export const EndpointChangesSchema = z.strictObject({
  url: url.optional().meta({ description: texts.url }),
  method: method.optional().meta({ description: texts.method }),
  detail: detail.optional().meta({ description: texts.detail }),
  filter: EndpointFilterSchema.optional().meta({ description: texts.filter }),
  scheduleSeconds: RetryScheduleSchema.nullable()
    .optional()
    .meta({ description: `${texts.scheduleSeconds}, also by null` }),
  ordered: z.boolean().optional().meta({ description: texts.ordered }),
  limits: EndpointLimitsSchema.nullable()
    .optional()
    .meta({ description: `${texts.limits}, also by null` }),
  operational: z.boolean().optional().meta({ description: texts.operational }),
  auth: EndpointAuthSchema.optional().meta({ description: texts.auth }),
  status: status.optional().meta({
    description:
      'What happens while it is disabled is recorded as held. `disabled` makes the `disabledReason` `by_request`, also of one that was disabled since it failed',
  }),
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
  signing: SigningSchema.optional().meta({
    description: 'Kind of the new key; default: that of the current one',
  }),
  secret: GivenKeySchema.optional().meta({ description: texts.secret }),
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
export const EndpointTestBodySchema = z.strictObject({
  type: z.enum(eventTypes).meta({ description: 'What the sample is of' }),
});
