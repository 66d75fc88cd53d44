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

const texts = {
  flowType: 'Flow direction or type, in your own words',
  barcode: 'The parcel’s barcode',
  docNumber: 'A reference, or a PIN that a courier types in by hand',
  expirationDate: 'An RFC 3339 date-time: unless it is stocked by then, it expires',
};

/** Body of `POST /v1/reservations`. */
export const ReservationBodySchema = z.strictObject({
  towerId: TowerIdSchema.meta({ description: 'The tower that has the locker' }),
  locker: LockerNumberSchema.optional().meta({
    description: 'Default: any locker of the tower that is available',
  }),
  flowType: flowType.meta({ description: texts.flowType }),
  barcode: barcode.meta({ description: texts.barcode }),
  docNumber: docNumber.meta({ description: texts.docNumber }),
  expirationDate: TimestampSchema.optional().meta({ description: texts.expirationDate }),
  partnerId: NameSchema.optional().meta({ description: 'Whom it is for; required of operators' }),
});
export type ReservationBody = z.infer<typeof ReservationBodySchema>;

/** Body of `PATCH /v1/reservations/{reservationId}`. Null takes an optional field away. */
export const ReservationPatchSchema = z.strictObject({
  flowType: flowType.optional().meta({ description: texts.flowType }),
  barcode: barcode.optional().meta({ description: texts.barcode }),
  docNumber: docNumber.nullable().meta({ description: `${texts.docNumber}; null takes it away` }),
  expirationDate: TimestampSchema.nullable()
    .optional()
    .meta({ description: `${texts.expirationDate}; null takes it away` }),
  status: ReservationStatusSchema.extract([
    'INCOMPLETE',
    'STOCKED',
    'RETURNING',
    'RETURNED',
    'PICKED_UP',
    'CANCELED',
  ])
    .optional()
    .meta({ description: 'What your own staff did; you get no webhook of it' }),
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
