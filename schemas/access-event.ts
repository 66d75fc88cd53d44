import * as z from 'zod';

/**
 * An access event as partners know it: test/seeds/access-event.txt, with the keys in its order. `created` is when the
 * key was used, in UTC with milliseconds.
 */
export const AccessEventSchema = z.object({
  id: z.uuid(),
  action: z.enum(['locked', 'unlocked']),
  created: z.iso.datetime({ precision: 3 }),
  keyId: z.string(),
  lockId: z.string(),
  lockName: z.string(),
  appUserId: z.string().nullable(),
  userName: z.string().nullable(),
});
export type AccessEvent = z.infer<typeof AccessEventSchema>;
