import * as z from 'zod';
import {
  InstantSchema,
  JsonTextSchema,
  LockerNumberSchema,
  NameSchema,
  NumericIdSchema,
  TowerIdSchema,
  VersionSchema,
} from './primitives.ts';
import { BookingSchema, ReadMessageSchema } from './booking.ts';
import { EndpointSchema } from './endpoint.ts';
import { PositionSchema, QueueSchema } from './position.ts';
import { RedriveSchema } from './redrive.ts';

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

const version = VersionSchema;

export const TowerSchema = z.object({
  kind: z.literal('tower'),
  towerId: TowerIdSchema,
  /** Partners that hear what concerns the tower as a whole, or a locker that nobody holds. */
  partnerIds: z.array(NameSchema).max(20),
  version,
});
export type Tower = z.infer<typeof TowerSchema>;

/**
 * What was received of a tower's sequence within one boot: everything from 1 up to `contiguous` (0: nothing yet), and the
 * closed ranges above it. What lies between is missing.
 */
export const TowerProgressSchema = z.object({
  kind: z.literal('progress'),
  towerId: TowerIdSchema,
  boot: z.string(),
  contiguous: z.int(),
  ranges: z.array(z.tuple([z.int(), z.int()])),
  /** Since when the first missing number is known to be missing; absent while none is. */
  gapSince: InstantSchema.optional(),
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
  /** The drop-off that left what is inside. Without it that is a parcel, or nobody knows what it is. */
  itemRequestId: NumericIdSchema.optional(),
  /** The partner that holds the locker now: it hears of the door. Null when nobody does. */
  holderId: NameSchema.nullable(),
  /** Null when nobody holds it, or nobody knows since when. */
  holderSince: InstantSchema.nullable().default(null),
  /** Whoever held it last before: late messages of that time are not the present holder's. Null when nobody did. */
  previousHolder: z
    .object({ partnerId: NameSchema, since: InstantSchema, until: InstantSchema })
    .nullable()
    .default(null),
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
  /** EXPIRED: what the status before rested on, if on anything. Only what is newer, and no later than the expiry, revives it. */
  expiredFrom: PositionInTimeSchema.optional(),
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
  /** Absent for one that was made without a link. Only the SHA-256 of the link's secret is kept, in hex. */
  link: z.object({ hash: z.string(), expiresAt: InstantSchema }).optional(),
  /** Pick-up: what made the locker occupied. Another item in the same locker is not what the link is for. */
  itemFrom: PositionInTimeSchema.optional(),
  /** What the link was used for. A link makes one token. */
  tokenId: NumericIdSchema.optional(),
  end: z.object({ how: z.enum(['canceled', 'expired']), at: InstantSchema }).optional(),
  /** When a timer must look at what became of the link. */
  dueAt: InstantSchema.nullable().optional(),
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
  /** The last command that was sent for it. Absent for a token that the link's page did not make. */
  commandId: NameSchema.optional(),
  version,
});
export type Token = z.infer<typeof TokenSchema>;

/** What the SHA-256 of a link's secret leads to. */
export const LinkSchema = z.object({
  kind: z.literal('link'),
  linkHash: z.string(),
  requestId: NumericIdSchema,
  version,
});
export type Link = z.infer<typeof LinkSchema>;

/** What became of a command, and never anything else after. See docs/decisions/0008-one-outcome.md. */
export const CommandOutcomeSchema = z.enum(['opened', 'refused', 'expired', 'unknown']);
export type CommandOutcome = z.infer<typeof CommandOutcomeSchema>;

/** An `open` command that was sent to a tower. */
export const CommandSchema = z.object({
  kind: z.literal('command'),
  commandId: NameSchema,
  partnerId: NameSchema,
  towerId: TowerIdSchema,
  locker: LockerNumberSchema,
  requestId: NumericIdSchema,
  tokenId: NumericIdSchema,
  sentAt: InstantSchema,
  /** The tower must not act on it after this. */
  expiresAt: InstantSchema,
  /** Null while it is open. */
  outcome: CommandOutcomeSchema.nullable(),
  /** The tower's, for `refused`. */
  reason: z.string().nullable(),
  settledAt: InstantSchema.nullable(),
  /** When a timer settles it, if nobody has by then. */
  dueAt: InstantSchema.nullable().default(null),
  version,
});
export type Command = z.infer<typeof CommandSchema>;

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
  /** What it opened stays on record, so a key is never removed. */
  revokedAt: InstantSchema.optional(),
  version,
});
export type Key = z.infer<typeof KeySchema>;

/** What keys open, and whom its log belongs to. It comes to be with its first key. */
export const LockSchema = z.object({
  kind: z.literal('lock'),
  lockId: NameSchema,
  partnerId: NameSchema,
  towerId: TowerIdSchema,
  locker: LockerNumberSchema,
  name: z.string().min(1).max(200),
  version,
});
export type Lock = z.infer<typeof LockSchema>;

/** As the OIDC issuer has it. */
export const ClientIdSchema = z
  .string()
  .regex(/^[\x21-\x7e]{1,128}$/, 'must be 1-128 printable ASCII characters without spaces');

export const PartnerSchema = z.object({
  kind: z.literal('partner'),
  partnerId: NameSchema,
  name: z.string().min(1).max(200),
  active: z.boolean(),
  /** OIDC clients that sign in as this partner. Each has a `client` entity, which is what is looked up. */
  clientIds: z.array(ClientIdSchema).max(20).default([]),
  version,
});
export type Partner = z.infer<typeof PartnerSchema>;

/** Whom an OIDC client signs in as. `partnerId` is null when the client was taken from its partner. */
export const ClientSchema = z.object({
  kind: z.literal('client'),
  clientId: ClientIdSchema,
  partnerId: NameSchema.nullable(),
  version,
});
export type Client = z.infer<typeof ClientSchema>;

export const EntitySchema = z.discriminatedUnion('kind', [
  TowerSchema,
  TowerProgressSchema,
  LockerSchema,
  ReservationSchema,
  LockerOpenRequestSchema,
  TokenSchema,
  LinkSchema,
  CommandSchema,
  KeySchema,
  LockSchema,
  PartnerSchema,
  ClientSchema,
  EndpointSchema,
  BookingSchema,
  ReadMessageSchema,
  PositionSchema,
  QueueSchema,
  RedriveSchema,
]);
export type Entity = z.infer<typeof EntitySchema>;
