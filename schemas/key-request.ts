import * as z from 'zod';
import { KeySchema, LockSchema } from './entity.ts';
import { NameSchema } from './primitives.ts';

const { lockId, towerId, locker, origin, appUserId, userName } = KeySchema.shape;

/** Body of `POST /v1/keys`. */
export const KeyBodySchema = z.strictObject({
  lockId: lockId.meta({ description: 'The lock that it opens' }),
  lockName: LockSchema.shape.name.optional().meta({
    description: 'Names the lock, or gives it another name; default: its id',
  }),
  towerId: towerId.optional().meta({
    description: 'The tower that has the lock; required for a lock that has no key yet',
  }),
  locker: locker.optional().meta({
    description: 'The locker that has the lock; required for a lock that has no key yet',
  }),
  appUserId: appUserId.meta({ description: 'Who gets it, by the id in your app' }),
  userName: userName.default('').meta({ description: 'Who gets it, by name' }),
  origin: origin.optional().meta({
    description:
      '`app` for a key that was shared through the app, which triggers no access event webhook; operators only',
  }),
  partnerId: NameSchema.optional().meta({ description: 'Whose key it is; required of operators' }),
});
export type KeyBody = z.infer<typeof KeyBodySchema>;

export const KeyViewSchema = KeySchema.omit({ kind: true });
