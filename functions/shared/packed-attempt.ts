import * as z from 'zod';
import { AttemptSchema, type Attempt } from '../../schemas/delivery.ts';

/**
 * An attempt as the deliveries table holds it. DynamoDB asks for a write unit for each kilobyte of an item, and a delivery
 * that was answered with a few words would take two: hashes take half as bytes, and phases that did not happen no room.
 */
export const packAttempt = ({ requestSha256, responseSha256, connection, times, ...attempt }: Attempt) => ({
  ...attempt,
  requestSha256: packHash(requestSha256),
  responseSha256: packHash(responseSha256),
  connection: connection && {
    ...connection,
    tls: connection.tls && {
      ...connection.tls,
      certificateSha256: packHash(connection.tls.certificateSha256),
    },
  },
  times: times && withoutNulls(times),
});

const packHash = (hex: string | null): Uint8Array | null => (hex === null ? null : Buffer.from(hex, 'hex'));

const withoutNulls = (times: Record<string, number | null>): Record<string, number> =>
  Object.fromEntries(Object.entries(times).flatMap(([phase, ms]) => (ms === null ? [] : [[phase, ms]])));

const PackedHashSchema = z.instanceof(Uint8Array).transform((bytes) => Buffer.from(bytes).toString('hex'));
const HashSchema = z.union([PackedHashSchema, z.string()]).nullable();
const noTimes = { dns: null, connect: null, tls: null, firstByte: null };

/** The same as it was; throws ZodError for anything else. */
export const PackedAttemptSchema = z
  .looseObject({
    requestSha256: HashSchema,
    responseSha256: HashSchema,
    connection: z
      .looseObject({ tls: z.looseObject({ certificateSha256: HashSchema }).nullable() })
      .nullable()
      .default(null),
    times: z
      .looseObject({})
      .transform((times) => ({ ...noTimes, ...times }))
      .nullable()
      .default(null),
  })
  // Its own schema tells what an attempt is.
  .transform((attempt): unknown => attempt)
  .pipe(AttemptSchema);
