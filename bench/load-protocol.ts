import * as z from 'zod';

/** What the load generator's process is told. */
export const LoadCommandSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('connect'), mqtt: z.string(), events: z.int(), towers: z.int() }),
  /** Publishes the next `events` messages; `perSecond` null is as fast as PUBACKs come. */
  z.object({ type: z.literal('run'), events: z.int(), perSecond: z.number().nullable() }),
]);
export type LoadCommand = z.infer<typeof LoadCommandSchema>;

/** Outcome of a run. Milliseconds. */
export const RunResultSchema = z.object({
  events: z.int(),
  /** From the first publication to the last receipt. */
  elapsedMs: z.number(),
  /** From the first publication to the last PUBACK. */
  publishedMs: z.number(),
  /** Event and endpoint pairs that did not arrive in time, or arrived more than once. */
  lost: z.int(),
  duplicated: z.int(),
  badSignatures: z.int(),
  latencyMs: z.object({ p50: z.number(), p95: z.number(), p99: z.number(), max: z.number() }),
});
export type RunResult = z.infer<typeof RunResultSchema>;

/** What it answers. */
export const LoadReportSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('listening'), urls: z.array(z.string()) }),
  z.object({ type: z.literal('connected') }),
  z.object({ type: z.literal('result'), result: RunResultSchema }),
]);
export type LoadReport = z.infer<typeof LoadReportSchema>;
