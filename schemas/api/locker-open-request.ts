import * as z from 'zod';
import {
  InstantSchema,
  LockerNumberSchema,
  NameSchema,
  NumericIdSchema,
  TowerIdSchema,
} from '../primitives.ts';

const flow = z.enum(['dropoff', 'pickup']);

/** Any JSON. It is stored and handed back as it is. */
const PayloadSchema = z
  .unknown()
  .refine((value) => value === undefined || JSON.stringify(value).length <= 32 * 1024, {
    message: 'must be at most 32 KB of JSON',
  });

/** Body of `POST /v1/locker-open-requests`. */
export const LockerOpenRequestBodySchema = z
  .strictObject({
    towerId: TowerIdSchema.meta({ description: 'The tower that has the locker' }),
    flow: flow.meta({ description: 'Whether an item is dropped off or picked up' }),
    payload: PayloadSchema.optional().meta({
      description: 'Any JSON of up to 32 KB; comes back in every webhook of the request that carries it',
    }),
    locker: LockerNumberSchema.optional().meta({
      description: 'Drop-off: this very locker. Pick-up: the locker that holds the item',
    }),
    itemRequestId: NumericIdSchema.optional().meta({
      description: 'Pick-up: the request of the drop-off that brought the item',
    }),
    partnerId: NameSchema.optional().meta({ description: 'Whom it is for; required of operators' }),
  })
  .superRefine(({ flow, locker, itemRequestId }, context) => {
    const wrong = (message: string) => context.addIssue({ code: 'custom', path: ['itemRequestId'], message });
    if (flow === 'dropoff' && itemRequestId !== undefined) wrong('is for pick-ups only');
    if (flow === 'pickup' && (itemRequestId === undefined) === (locker === undefined))
      wrong('is required for a pick-up, or else "locker": one of the two');
  });
export type LockerOpenRequestBody = z.infer<typeof LockerOpenRequestBodySchema>;

export const LockerOpenRequestViewSchema = z.object({
  requestId: NumericIdSchema,
  partnerId: NameSchema,
  towerId: TowerIdSchema,
  locker: LockerNumberSchema,
  flow,
  payload: z.unknown(),
  /**
   * `waiting` for the button, `opening`, `failed` (the button may be pressed again), `opened` and, once the tower
   * reports the token, `used`; or `expired` or `canceled`.
   */
  status: z.enum(['waiting', 'opening', 'failed', 'opened', 'used', 'expired', 'canceled']),
  linkExpiresAt: InstantSchema.nullable(),
  tokenId: NumericIdSchema.nullable(),
  /** The name that was given on the link's page. */
  clientInfo: z.string().nullable(),
  usedAt: InstantSchema.nullable(),
  /** The last `open` command. */
  commandId: NameSchema.nullable(),
});
export type LockerOpenRequestView = z.infer<typeof LockerOpenRequestViewSchema>;

/** The answer to the one who made it: nobody is shown the link again. */
export const LockerOpenRequestWithLinkSchema = LockerOpenRequestViewSchema.extend({
  link: z.url(),
});
