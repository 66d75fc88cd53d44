import * as z from 'zod';
import { LockerStatusSchema } from '../entity.ts';
import { InstantSchema, LockerNumberSchema, NameSchema, TowerIdSchema } from '../primitives.ts';

const unitId = z.string().min(1).max(64);

const partnerIds = z
  .array(NameSchema)
  .max(20)
  .refine((ids) => new Set(ids).size === ids.length, 'must be different from each other');

const texts = {
  unitId: 'What webhooks call the locker; in doubt it is called after its tower and number',
  partnerIds: 'Partners that may use the tower, and hear what concerns it as a whole',
};

export const NewLockerSchema = z.strictObject({
  locker: LockerNumberSchema.meta({ description: 'Its number within the tower' }),
  unitId: unitId.optional().meta({ description: texts.unitId }),
});

export const NewTowerSchema = z.strictObject({
  towerId: TowerIdSchema.meta({ description: 'Its id: the name of its IoT thing' }),
  partnerIds: partnerIds.default([]).meta({ description: texts.partnerIds }),
  lockers: z
    .array(NewLockerSchema)
    .max(90)
    .refine(
      (lockers) => new Set(lockers.map(({ locker }) => locker)).size === lockers.length,
      'must have a number each',
    )
    .default([])
    .meta({ description: 'Created together with the tower; more can be added later' }),
});

export const TowerChangesSchema = z.strictObject({
  partnerIds: partnerIds.meta({ description: texts.partnerIds }),
});

export const TowerResourceSchema = z.object({
  towerId: TowerIdSchema,
  /** What concerns the caller: a partner sees itself only. */
  partnerIds: z.array(NameSchema),
});

export const LockerChangesSchema = z.strictObject({
  unitId: unitId.meta({ description: 'What webhooks call the locker' }),
});

export const LockerResourceSchema = z.object({
  towerId: TowerIdSchema,
  locker: LockerNumberSchema,
  unitId: z.string(),
  status: LockerStatusSchema,
  /** The partner that holds it; null when nobody does, and when it is another partner than the caller. */
  holderId: NameSchema.nullable(),
});

/** What was received of one boot's sequence of messages, and what is still missing of it. */
export const TowerProgressResourceSchema = z.object({
  boot: z.string(),
  /** The highest sequence number up to which nothing is missing. */
  contiguous: z.int(),
  /** Closed ranges of sequence numbers. */
  missing: z.array(z.object({ from: z.int(), to: z.int() })),
  lastSeenAt: InstantSchema,
});
