import * as z from 'zod';
import { KeySchema, LockSchema } from './entity.ts';
import { NameSchema } from './primitives.ts';

const { lockId, towerId, locker, origin, appUserId, userName } = KeySchema.shape;

/** Body of `POST /v1/keys`. */
export const KeyBodySchema = z.strictObject({
  lockId,
  /** Names the lock, or gives it another name. Default: its id. */
  lockName: LockSchema.shape.name.optional(),
  /** Where the lock is: required for one that has no key yet. */
  towerId: towerId.optional(),
  locker: locker.optional(),
  appUserId,
  userName: userName.default(''),
  /** Of operators only: `app` for a key that was shared through the app. Such keys trigger no access event webhook. */
  origin: origin.optional(),
  /** Of operators only: whose key it is. */
  partnerId: NameSchema.optional(),
});
export type KeyBody = z.infer<typeof KeyBodySchema>;

export const KeyViewSchema = KeySchema.omit({ kind: true });
