import * as z from 'zod';
import { ClientIdSchema } from '../entity.ts';
import { NameSchema } from '../primitives.ts';

const fields = {
  name: z.string().min(1).max(200),
  active: z.boolean(),
  clientIds: z
    .array(ClientIdSchema)
    .max(20)
    .refine((ids) => new Set(ids).size === ids.length, 'must be different from each other'),
};

const texts = {
  name: 'What people call it',
  active: 'False: its clients get 403, and its endpoints are as they are',
  clientIds: 'OIDC clients that sign in as this partner; a client belongs to one partner',
};

export const NewPartnerSchema = z.strictObject({
  partnerId: NameSchema.meta({ description: 'Its id, which never changes' }),
  name: fields.name.meta({ description: texts.name }),
  active: fields.active.default(true).meta({ description: texts.active }),
  clientIds: fields.clientIds.default([]).meta({ description: texts.clientIds }),
});

export const PartnerChangesSchema = z.strictObject({
  name: fields.name.optional().meta({ description: texts.name }),
  active: fields.active.optional().meta({ description: texts.active }),
  clientIds: fields.clientIds.optional().meta({ description: texts.clientIds }),
});

export const PartnerResourceSchema = z.object({ partnerId: NameSchema, ...fields });
