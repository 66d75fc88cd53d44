import * as z from 'zod';
import { LockerStatusSchema } from '../entity.ts';
import { InstantSchema, LockerNumberSchema, NameSchema, TowerIdSchema } from '../primitives.ts';

const unitId = z.string().min(1).max(64);

const partnerIds = z
  .array(NameSchema)
  .max(20)
  .refine((ids) => new Set(ids).size === ids.length, 'must be different from each other');

/** Without a `unitId` a locker is called after its tower and number. */
export const NewLockerSchema = z.strictObject({ locker: LockerNumberSchema, unitId: unitId.optional() });

export const NewTowerSchema = z.strictObject({
  towerId: TowerIdSchema,
  /** Partners that may use the tower, and hear what concerns it as a whole. */
  partnerIds: partnerIds.default([]),
  /** Created together with the tower. More can be added later. */
  lockers: z
    .array(NewLockerSchema)
    .max(90)
    .refine(
      (lockers) => new Set(lockers.map(({ locker }) => locker)).size === lockers.length,
      'must have a number each',
    )
    .default([]),
});

export const TowerChangesSchema = z.strictObject({ partnerIds });

export const TowerResourceSchema = z.object({
  towerId: TowerIdSchema,
  /** What concerns the caller: a partner sees itself only. */
  partnerIds: z.array(NameSchema),
});

export const LockerChangesSchema = z.strictObject({ unitId });

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
