import * as z from 'zod';

const text = z.string().optional().catch(undefined);
const number = z.number().optional().catch(undefined);
const list = <T extends z.ZodType>(entry: T) => z.array(entry).catch([]);

function object<T extends z.ZodRawShape>(shape: T) {
  const schema = z.object(shape);
  return schema.catch(() => schema.parse({}));
}

const place = { partnerId: text, towerId: text, locker: number };

/**
 * The parts of a network file that refer to each other. Whatever is malformed reads as undefined or empty, so
 * that one wrong field neither hides the mistakes beside it nor causes others.
 */
export const OutlineSchema = object({
  towers: list(object({ towerId: text, partnerIds: list(text), lockers: list(object({ locker: number })) })),
  partners: list(object({ partnerId: text })),
  endpoints: list(
    object({
      endpointId: text,
      partnerId: text,
      url: text,
      contract: text,
      detail: text,
      filter: object({ types: list(text), towerIds: list(text), lockers: list(number) }),
    }),
  ),
  reservations: list(object({ reservationId: text, ...place })),
  lockerOpenRequests: list(
    object({ requestId: number, ...place, tokens: list(object({ tokenId: number })) }),
  ),
  keys: list(object({ keyId: text, lockId: text, lockName: text, ...place })),
});
export type Outline = z.infer<typeof OutlineSchema>;
