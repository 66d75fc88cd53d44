import * as z from 'zod';
import { ClientIdSchema } from '../entity.ts';
import { NameSchema } from '../primitives.ts';

const fields = {
  name: z.string().min(1).max(200),
  /** False: its clients get 403, and its endpoints are as they are. */
  active: z.boolean(),
  /** OIDC clients that sign in as this partner. A client belongs to one partner. */
  clientIds: z
    .array(ClientIdSchema)
    .max(20)
    .refine((ids) => new Set(ids).size === ids.length, 'must be different from each other'),
};

export const NewPartnerSchema = z.strictObject({
  partnerId: NameSchema,
  name: fields.name,
  active: fields.active.default(true),
  clientIds: fields.clientIds.default([]),
});

export const PartnerChangesSchema = z.strictObject({
  name: fields.name.optional(),
  active: fields.active.optional(),
  clientIds: fields.clientIds.optional(),
});

export const PartnerResourceSchema = z.object({ partnerId: NameSchema, ...fields });
