import * as z from 'zod';
import {
  InstantSchema,
  JsonTextSchema,
  LockerNumberSchema,
  NameSchema,
  NumericIdSchema,
  TowerIdSchema,
} from './primitives.ts';
import { ContractNameSchema } from './contract.ts';

export const ReservationStatusSchema = z.enum([
  'NEW',
  'RESERVED',
  'INCOMPLETE',
  'STOCKED',
  'RETURNING',
  'RETURNED',
  'PICKED_UP',
  'EXPIRED',
  'CANCELED',
]);
export type ReservationStatus = z.infer<typeof ReservationStatusSchema>;

export const LockerStatusSchema = z.enum(['available', 'rented', 'occupied']);
export type LockerStatus = z.infer<typeof LockerStatusSchema>;

/** The clock reading that an entity's state rests on; `boot` and `seq` are null when no tower message did. */
export const PositionInTimeSchema = z.object({
  at: InstantSchema,
  boot: z.string().nullable(),
  seq: z.int().nullable(),
});
export type PositionInTime = z.infer<typeof PositionInTimeSchema>;

/** Optimistic locking: 0 is not stored yet, each commit adds one. */
const version = z.int().min(0);

export const TowerSchema = z.object({
  kind: z.literal('tower'),
  towerId: TowerIdSchema,
  /** Partners that hear what concerns the tower as a whole, or a locker that nobody holds. */
  partnerIds: z.array(NameSchema).max(20),
  version,
});
export type Tower = z.infer<typeof TowerSchema>;

/**
 * What was received of a tower's sequence within one boot: everything up to `contiguous`, and the closed ranges
 * above it. What lies between is missing.
 */
export const TowerProgressSchema = z.object({
  kind: z.literal('progress'),
  towerId: TowerIdSchema,
  boot: z.string(),
  /** The first seq that was seen of this boot; what came before it is not missed. */
  first: z.int(),
  contiguous: z.int(),
  ranges: z.array(z.tuple([z.int(), z.int()])),
  lastSeenAt: InstantSchema,
  version,
});
export type TowerProgress = z.infer<typeof TowerProgressSchema>;

export const LockerSchema = z.object({
  kind: z.literal('locker'),
  towerId: TowerIdSchema,
  locker: LockerNumberSchema,
  unitId: z.string(),
  status: LockerStatusSchema,
  /** What `status` rests on. */
  statusFrom: PositionInTimeSchema.nullable(),
  /** The partner that holds the locker now: it hears of the door. Null when nobody does. */
  holderId: NameSchema.nullable(),
  version,
});
export type Locker = z.infer<typeof LockerSchema>;

export const ReservationSchema = z.object({
  kind: z.literal('reservation'),
  reservationId: NameSchema,
  partnerId: NameSchema,
  towerId: TowerIdSchema,
  locker: LockerNumberSchema,
  unitId: z.string().min(1).max(64),
  status: ReservationStatusSchema,
  statusFrom: PositionInTimeSchema,
  flowType: z.string().min(1).max(32),
  barcode: z.string().min(1).max(128),
  docNumber: z.string().min(1).max(128).optional(),
  expirationDate: InstantSchema.optional(),
  /** When the timer must look at it next: expiry before it is stocked, end of the grace period after. */
  dueAt: InstantSchema.nullable().default(null),
  version,
});
export type Reservation = z.infer<typeof ReservationSchema>;

export const LockerOpenRequestSchema = z.object({
  kind: z.literal('request'),
  requestId: NumericIdSchema,
  partnerId: NameSchema,
  towerId: TowerIdSchema,
  locker: LockerNumberSchema,
  flow: z.enum(['dropoff', 'pickup']),
  payload: JsonTextSchema,
  version,
});
export type LockerOpenRequest = z.infer<typeof LockerOpenRequestSchema>;

export const TokenSchema = z.object({
  kind: z.literal('token'),
  tokenId: NumericIdSchema,
  requestId: NumericIdSchema,
  partnerId: NameSchema,
  towerId: TowerIdSchema,
  locker: LockerNumberSchema,
  clientInfo: z.string().max(200).nullable(),
  usedAt: InstantSchema.nullable(),
  version,
});
export type Token = z.infer<typeof TokenSchema>;

export const KeySchema = z.object({
  kind: z.literal('key'),
  keyId: NameSchema,
  lockId: NameSchema,
  partnerId: NameSchema,
  towerId: TowerIdSchema,
  locker: LockerNumberSchema,
  origin: z.enum(['integrator', 'app']),
  appUserId: z.string().max(64),
  userName: z.string().max(200),
  version,
});

export const PartnerSchema = z.object({
  kind: z.literal('partner'),
  partnerId: NameSchema,
  name: z.string().min(1).max(200),
  active: z.boolean(),
  version,
});

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
  status: z.enum(['active', 'disabled']),
  disabledReason: z.string().optional(),
  /** EndpointSecrets as JSON, encrypted under the KMS key with partner and endpoint as context, in base64. */
  secrets: z.base64(),
  version,
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

export const EndpointAuthSchema = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('none') }),
  z.strictObject({ type: z.literal('bearer'), token: z.string().regex(/^[\x21-\x7e]{1,2048}$/) }),
]);
export type EndpointAuth = z.infer<typeof EndpointAuthSchema>;

/** What rests encrypted in an endpoint. The newest signing key first; every one in force signs. */
export const EndpointSecretsSchema = z.object({
  signingSecrets: z.array(SigningSecretSchema).min(1).max(3),
  auth: EndpointAuthSchema,
});
export type EndpointSecrets = z.infer<typeof EndpointSecretsSchema>;

export const EntitySchema = z.discriminatedUnion('kind', [
  TowerSchema,
  TowerProgressSchema,
  LockerSchema,
  ReservationSchema,
  LockerOpenRequestSchema,
  TokenSchema,
  KeySchema,
  PartnerSchema,
  EndpointSchema,
]);
export type Entity = z.infer<typeof EntitySchema>;
