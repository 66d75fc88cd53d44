import * as z from 'zod';
import { EndpointFilterSchema } from '../endpoint.ts';
import { InstantSchema, NameSchema, TimestampSchema } from '../primitives.ts';
import { RedriveSourceSchema, RedriveStatusSchema } from '../redrive.ts';

const window = {
  since: TimestampSchema.optional().meta({
    description: 'Received at this time or later; default: the oldest that is kept',
  }),
  until: TimestampSchema.optional().meta({
    description:
      'Received before this time; default: when a change of the endpoint that was made just now is known everywhere, some seconds from now',
  }),
  perSecond: z.number().min(0.1).max(1_000).optional().meta({
    description:
      'Deliveries a second, over the minute; default: the stage’s. An endpoint’s redrives together have no more than one may',
  }),
};

/** Body of `POST /v1/redrives`. */
export const NewRedriveSchema = z.strictObject({
  endpointId: NameSchema.meta({ description: 'Where they go' }),
  source: RedriveSourceSchema.default('undelivered').meta({
    description:
      '`undelivered`: the endpoint’s deliveries that are dead or held. `events`: what happened and the endpoint wants, ' +
      'delivered before or not, also before the endpoint existed',
  }),
  ...window,
  filter: EndpointFilterSchema.default({}).meta({
    description: 'Which of them; it narrows the endpoint’s own filter down. Absent lists mean all',
  }),
  dryRun: z.boolean().default(false).meta({ description: 'True: counts, and sends nothing' }),
  partnerId: NameSchema.optional().meta({ description: 'Whose endpoint it is; required of operators' }),
});

/** Body of `POST /v1/endpoints/{endpointId}/recover`. */
export const RecoverSchema = z.strictObject(window);

export const RedriveResourceSchema = z.object({
  redriveId: NameSchema,
  partnerId: NameSchema,
  endpointId: NameSchema,
  source: RedriveSourceSchema,
  since: InstantSchema,
  until: InstantSchema,
  filter: EndpointFilterSchema,
  perSecond: z.number(),
  status: RedriveStatusSchema,
  /** Why it failed, or what it waits for. */
  reason: z.string().nullable(),
  /** Events or deliveries that it has come past. */
  looked: z.int(),
  /** Deliveries that it has put on their way. Those of a page that a crash interrupted may be missing. */
  sent: z.int(),
  createdAt: InstantSchema,
  endedAt: InstantSchema.nullable(),
});

/** What a dry run answers. */
export const RedriveCountSchema = z.object({
  dryRun: z.literal(true),
  /** Deliveries that a redrive would make now. */
  count: z.int(),
  /** False when there was too much to count: there are at least so many. */
  exact: z.boolean(),
  countedUntil: InstantSchema.nullable().meta({
    description:
      'What was received until then is counted, of `events` roughly so; null when everything is. Narrow it down with `since` and `until`, or go on from there',
  }),
});

export const RedriveAnswerSchema = z.union([RedriveResourceSchema, RedriveCountSchema]);
