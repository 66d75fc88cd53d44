import * as z from 'zod';
import { IntegrationSchema } from './booking.ts';
import { acknowledgementOf, ContractNameSchema } from './contract.ts';
import {
  EndpointAuthSchema,
  EndpointFilterSchema,
  EndpointLimitsSchema,
  RetryScheduleSchema,
  SigningSecretSchema,
} from './endpoint.ts';
import { ClientIdSchema, ReservationStatusSchema } from './entity.ts';
import {
  LockerNumberSchema,
  NameSchema,
  NumericIdSchema,
  TimestampSchema,
  TowerIdSchema,
} from './primitives.ts';

const unitId = z.string().min(1).max(64);
const place = { partnerId: NameSchema, towerId: TowerIdSchema, locker: LockerNumberSchema };

/** A locker without a `unitId` is called after its tower and number: see `unitIdOf`. */
const NetworkTowerSchema = z.strictObject({
  towerId: TowerIdSchema,
  /** Who hears what concerns the tower as a whole, or a locker that nobody holds. */
  partnerIds: z.array(NameSchema).max(20).default([]),
  lockers: z
    .array(z.strictObject({ locker: LockerNumberSchema, unitId: unitId.optional() }))
    .min(1)
    .max(1_000),
});

const NetworkPartnerSchema = z.strictObject({
  partnerId: NameSchema,
  name: z.string().min(1).max(200).optional(),
  /** OIDC clients that sign in as this partner. */
  clientIds: z.array(ClientIdSchema).max(20).optional(),
});

const NetworkEndpointSchema = z
  .strictObject({
    /** Unique in the whole network: deliveries are keyed by it. */
    endpointId: NameSchema,
    partnerId: NameSchema,
    url: z.url({ protocol: /^https?$/, error: 'must be an https URL, or an http URL of this machine' }),
    contract: ContractNameSchema,
    secret: SigningSecretSchema,
    auth: EndpointAuthSchema.default({ type: 'none' }),
    method: z.enum(['POST', 'PUT', 'PATCH']).default('POST'),
    detail: z.enum(['thin', 'full']).default('full'),
    filter: EndpointFilterSchema.default({}),
    scheduleSeconds: RetryScheduleSchema.optional(),
    /** True: what happens at one locker is delivered one after the other, in order. */
    ordered: z.boolean().optional(),
    limits: EndpointLimitsSchema.optional(),
    /** True: it hears of its partner's endpoints and dead deliveries, and of nothing else. */
    operational: z.boolean().optional(),
    /** `message-pointer` only: the department's integration that it is. Without it, it hears of every department. */
    integration: IntegrationSchema.optional(),
  })
  .refine(({ contract, integration }) => integration === undefined || contract === 'message-pointer', {
    path: ['integration'],
    error: 'is for the contract "message-pointer": remove it',
  })
  .refine(
    ({ contract, operational }) =>
      operational !== true || contract === 'standard' || contract === 'cloudevents',
    { path: ['operational'], error: 'is for the contracts "standard" and "cloudevents": remove it' },
  )
  .refine(({ contract, ordered }) => ordered !== true || acknowledgementOf(contract) === 'response', {
    path: ['ordered'],
    error:
      'is not for "message-pointer", whose messages are read in whatever order the partner likes: remove it',
  })
  .refine(({ ordered, scheduleSeconds }) => ordered !== true || (scheduleSeconds?.[0] ?? 0) === 0, {
    path: ['scheduleSeconds'],
    error: 'must begin with 0 at an ordered endpoint: a queue that keeps order holds nothing back',
  });
export type NetworkEndpoint = z.infer<typeof NetworkEndpointSchema>;

const NetworkReservationSchema = z.strictObject({
  reservationId: NameSchema,
  ...place,
  /** Default: the locker's. */
  unitId: unitId.optional(),
  flowType: z.string().min(1).max(32),
  barcode: z.string().min(1).max(128),
  docNumber: z.string().min(1).max(128).optional(),
  expirationDate: TimestampSchema.optional(),
  /** It gets there as if the partner had asked over the HTTP API; only time makes a reservation EXPIRED. */
  status: ReservationStatusSchema.exclude(['EXPIRED']).default('RESERVED'),
});
export type NetworkReservation = z.infer<typeof NetworkReservationSchema>;

const NetworkTokenSchema = z.strictObject({
  tokenId: NumericIdSchema,
  clientInfo: z.string().max(200).nullable().default(null),
});

const NetworkLockerOpenRequestSchema = z.strictObject({
  requestId: NumericIdSchema,
  ...place,
  flow: z.enum(['dropoff', 'pickup']),
  payload: z
    .json()
    .default(null)
    .refine((value) => JSON.stringify(value).length <= 32 * 1024, 'must be at most 32 KB of JSON'),
  tokens: z.array(NetworkTokenSchema).max(100).default([]),
});
export type NetworkLockerOpenRequest = z.infer<typeof NetworkLockerOpenRequestSchema>;

const NetworkKeySchema = z.strictObject({
  keyId: NameSchema,
  lockId: NameSchema,
  /** Default: its id. */
  lockName: z.string().min(1).max(200).optional(),
  ...place,
  origin: z.enum(['integrator', 'app']),
  appUserId: z.string().max(64),
  userName: z.string().max(200),
});

/**
 * A network file: what `npm start -- --network FILE` loads. The format is described in docs/network-file.md. This
 * is each part's shape; that the parts fit together is checked in local/network/read.ts.
 */
export const NetworkFileSchema = z.strictObject({
  towers: z.array(NetworkTowerSchema).default([]),
  partners: z.array(NetworkPartnerSchema).default([]),
  endpoints: z.array(NetworkEndpointSchema).default([]),
  reservations: z.array(NetworkReservationSchema).default([]),
  lockerOpenRequests: z.array(NetworkLockerOpenRequestSchema).default([]),
  keys: z.array(NetworkKeySchema).default([]),
});
export type NetworkFile = z.infer<typeof NetworkFileSchema>;

/** What a locker's unit is called when the file gives it no name. At most 64 characters, whatever the tower's id. */
export const unitIdOf = (towerId: string, locker: number): string => `${towerId.slice(-59)}-${locker}`;
