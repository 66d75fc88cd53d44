import * as z from 'zod';
import { ReservationSchema, ReservationStatusSchema } from '../entity.ts';
import {
  InstantSchema,
  LockerNumberSchema,
  NameSchema,
  TimestampSchema,
  TowerIdSchema,
} from '../primitives.ts';

const { flowType, barcode, docNumber } = ReservationSchema.shape;

/** Body of `POST /v1/reservations`. */
export const ReservationBodySchema = z.strictObject({
  towerId: TowerIdSchema,
  /** Default: any locker of the tower that is available. */
  locker: LockerNumberSchema.optional(),
  /** Flow direction or type, in the partner's own words. */
  flowType,
  barcode,
  /** A reference, or a PIN that a courier types in by hand. */
  docNumber,
  /** Unless it is stocked by then, it expires. */
  expirationDate: TimestampSchema.optional(),
  /** Of operators only: whom it is for. */
  partnerId: NameSchema.optional(),
});
export type ReservationBody = z.infer<typeof ReservationBodySchema>;

/** Body of `PATCH /v1/reservations/{reservationId}`. Null takes an optional field away. */
export const ReservationPatchSchema = z.strictObject({
  flowType: flowType.optional(),
  barcode: barcode.optional(),
  docNumber: docNumber.nullable(),
  expirationDate: TimestampSchema.nullable().optional(),
  /** What your own staff did. You get no webhook of it. */
  status: ReservationStatusSchema.extract([
    'INCOMPLETE',
    'STOCKED',
    'RETURNING',
    'RETURNED',
    'PICKED_UP',
    'CANCELED',
  ]).optional(),
});

/** Optional fields are absent, not null: as in the webhooks. */
export const ReservationViewSchema = z.object({
  reservationId: NameSchema,
  partnerId: NameSchema,
  towerId: TowerIdSchema,
  locker: LockerNumberSchema,
  unitId: z.string(),
  status: ReservationStatusSchema,
  /** When it got its status. */
  changeTime: InstantSchema,
  flowType: z.string(),
  barcode: z.string(),
  docNumber: z.string().optional(),
  expirationDate: InstantSchema.optional(),
});
export type ReservationView = z.infer<typeof ReservationViewSchema>;
