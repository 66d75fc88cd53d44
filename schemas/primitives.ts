import * as z from 'zod';

/** IoT thing names allow these; `#`, `/` and `+` would be MQTT topic syntax. */
export const TowerIdSchema = z.string().regex(/^[A-Za-z0-9:_-]{1,64}$/, 'must be 1-64 of A-Z a-z 0-9 : _ -');

/** Locker number within its tower. 0 is kept for the tower itself (see event-id.ts). */
export const LockerNumberSchema = z.int().min(1).max(9_999);

/**
 * Names that become parts of a self-locating id: neither `_` (it separates an id's parts) nor `.`
 * (it separates what a Standard Webhooks signature covers).
 */
export const NameSchema = z.string().regex(/^[A-Za-z0-9-]{1,64}$/, 'must be 1-64 of A-Z a-z 0-9 -');

/** Ids that partners see as numbers (locker open requests and tokens). */
export const NumericIdSchema = z.int().min(1);

/**
 * An instant in UTC with milliseconds, or microseconds where the source had them:
 * `2026-03-20T09:15:00.000Z`, `2025-04-01T16:02:36.884285Z`. Sorts as text within one precision only;
 * compare with `compareInstants`.
 */
export const InstantSchema = z
  .string()
  .regex(
    /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}(\d{3})?Z$/,
    'must be a UTC instant with 3 or 6 fraction digits',
  );
export type Instant = z.infer<typeof InstantSchema>;

/**
 * A foreign JSON value as its text: DynamoDB's maps forget the order of their keys, and a partner gets back what it
 * gave. 32 KB, so that an event with it fits everywhere.
 */
export const JsonTextSchema = z.string().max(32 * 1024);

/** Any RFC 3339 date-time, as foreign clocks write them. Turn it into an Instant with `toInstant`. */
export const TimestampSchema = z.iso.datetime({ offset: true });

/** Optimistic locking: 0 is not stored yet, each commit adds one. */
export const VersionSchema = z.int().min(0);
