import * as z from 'zod';
import { EndpointLimitsSchema } from './endpoint.ts';
import { InstantSchema, NameSchema, VersionSchema } from './primitives.ts';

/**
 * How an endpoint has taken its requests lately. It is written when an endpoint gets its first request, and then only
 * when something is wrong. Instants have milliseconds.
 */
export const EndpointHealthSchema = z.object({
  kind: z.literal('endpoint-health'),
  partnerId: NameSchema,
  endpointId: NameSchema,
  /** Failed attempts since the last success. Those that begin while the breaker is open aren't counted. */
  failures: z.int().min(0),
  /** When the first of them began; null without. */
  failingSince: InstantSchema.nullable(),
  /** When the first of them was written down: whoever reads health after that sees it. Null without. */
  countedSince: InstantSchema.nullable().default(null),
  lastFailureAt: InstantSchema.nullable(),
  /** Stable code of the last one. */
  lastReason: z.string().nullable(),
  /** `open`: no request but one probe at a time, once `openUntil` is over. */
  breaker: z.enum(['closed', 'open']),
  /** When it opened first since the last success; null when closed. */
  openedAt: InstantSchema.nullable(),
  openUntil: InstantSchema.nullable(),
  /** How often it opened, each time for longer, since it was closed for as long as the longest pause. */
  openings: z.int().min(0),
  /** When it closed last: what was received before that and still waits is a backlog. Null when that was not worth remembering. */
  closedAt: InstantSchema.nullable().default(null),
  /** Since when it fails, as `endpoint.failing` told. Null once `endpoint.recovered` did. */
  toldSince: InstantSchema.nullable().default(null),
  /** When it will have stayed closed for long enough to be told of as recovered, also if nothing is sent till then. Null: nothing is to be told. */
  settlesAt: InstantSchema.nullable().default(null),
  /** End of the lease of the one request that is under way to see how the endpoint is; null without. */
  probeUntil: InstantSchema.nullable(),
  /** When it was first seen to answer in time. Null: nobody knows, so that one request at a time may hold up others. */
  provenAt: InstantSchema.nullable().default(null),
  /**
   * It is slow, since a request took too long and until one in time after this. Meanwhile its requests take another way
   * than those of the others. Null: it is not.
   */
  slowUntil: InstantSchema.nullable(),
  /**
   * Set before a delivery is parked, and again every half minute while more are: as long as it isn't null, there may be
   * parked deliveries.
   */
  backlogAt: InstantSchema.nullable(),
  /** When `timers` must look at it: see `lookAt` in functions/domain/endpoint-health.ts. Null: it has no need to. */
  dueAt: InstantSchema.nullable().default(null),
  version: VersionSchema,
});
export type EndpointHealth = z.infer<typeof EndpointHealthSchema>;

/** What is conspicuous about an endpoint, the worst first. */
export const EndpointStateSchema = z.enum(['disabled', 'open', 'recovering', 'failing', 'slow', 'healthy']);
export type EndpointState = z.infer<typeof EndpointStateSchema>;

/** When an endpoint counts as failing or slow, and for how long. */
export const HealthPolicySchema = z.object({
  /** Failures in a row that open the breaker, once all functions must have seen the first of them. */
  failuresToOpen: z.int().min(1),
  /** So many in a row open it at once. */
  failuresToOpenAtOnce: z.int().min(1),
  /** For how long a function may go by health that it has read before. */
  cacheSeconds: z.number().min(0),
  /** How long it stays open the first time; each time after twice as long, up to `maxOpenSeconds`. */
  openSeconds: z.number().positive(),
  maxOpenSeconds: z.number().positive(),
  /** Of the stage's schedule: no Retry-After keeps it open for longer, unless the endpoint has a schedule of its own. */
  longestStepSeconds: z.number().min(0),
  /** How long one probe has the endpoint for itself: longer than an attempt may take. */
  probeSeconds: z.number().positive(),
  /** An attempt that takes longer marks the endpoint as slow, for `slowSeconds`. */
  slowMs: z.number().positive(),
  slowSeconds: z.number().positive(),
});
export type HealthPolicy = z.infer<typeof HealthPolicySchema>;

/** Answer of `GET /v1/endpoints/{endpointId}/health`. */
export const EndpointHealthViewSchema = z.object({
  endpointId: NameSchema,
  state: EndpointStateSchema.meta({
    description:
      '`open`: it gets no requests for now. `recovering`: it is being tried again, or gets what was parked. ' +
      '`failing`: its last request failed. `slow`: its requests take another way than those of the others.',
  }),
  failures: z.int().meta({ description: 'Failed requests in a row' }),
  failingSince: InstantSchema.nullable().meta({ description: 'When the first of them was made' }),
  lastFailureAt: InstantSchema.nullable().meta({ description: 'When the last of them was made' }),
  lastReason: z.string().nullable().meta({ description: 'A stable code: `http_500`, `timeout`, …' }),
  nextProbeAt: InstantSchema.nullable().meta({
    description: 'When it may be tried again; null while it gets all its requests',
  }),
  slowUntil: InstantSchema.nullable().meta({
    description: 'Until when at least it counts as slow: then a request in time shows that it no longer is',
  }),
  backlog: z.object({ parked: z.int(), isMore: z.boolean() }).meta({
    description:
      'Deliveries that wait for the endpoint; `isMore` when there are more than that. ' +
      'Of an ordered endpoint the first of each locker: what waits behind it is not counted.',
  }),
  limits: EndpointLimitsSchema.meta({ description: 'What it takes at most' }),
});
