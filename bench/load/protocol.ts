import * as z from 'zod';
import { PlanSchema, TransportSchema } from './plan.ts';

const AnswerSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('accept'), delayMs: z.number() }),
  z.object({ kind: z.literal('refuse'), status: z.int() }),
  /** The first `times` attempts of one event in `every` are refused with 500. */
  z.object({ kind: z.literal('flaky'), every: z.int().min(1), times: z.int().min(1) }),
]);
/** What endpoints of a label answer. */
export type LoadAnswer = z.infer<typeof AnswerSchema>;

const RunOptionsSchema = z.object({
  group: z.string(),
  messages: z.int(),
  /** Null is as fast as PUBACKs come. */
  perSecond: z.number().nullable(),
  /** Reports are flushed as arrays of at most so many bytes. Null: one message each. */
  arrayBytes: z.int().nullable().default(null),
  /** How long receipts may follow the last PUBACK. */
  settleMs: z.number().default(60_000),
});
export type RunOptions = z.input<typeof RunOptionsSchema>;

/** What the load generator's process is told. */
const LoadCommandSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('plan'), plan: PlanSchema }),
  z.object({ type: z.literal('connect'), mqtt: z.string() }),
  z.object({ type: z.literal('run'), options: RunOptionsSchema }),
  /** What every endpoint of a group is to get by another way than a publication. */
  z.object({ type: z.literal('book'), group: z.string(), eventIds: z.array(z.string()) }),
  z.object({ type: z.literal('answer'), label: z.string(), answer: AnswerSchema }),
  z.object({ type: z.literal('audit') }),
]);
export type LoadCommand = z.input<typeof LoadCommandSchema>;

const PercentilesSchema = z.object({ p50: z.number(), p95: z.number(), p99: z.number(), max: z.number() });

/** Outcome of a run. Milliseconds. See Account for the counts. */
const RunResultSchema = z.object({
  events: z.int(),
  /** Messages or arrays. */
  publications: z.int(),
  /** From the first publication to the last receipt. */
  elapsedMs: z.number(),
  /** From the first publication to the last PUBACK. */
  publishedMs: z.number(),
  lost: z.int(),
  duplicated: z.int(),
  received: z.int(),
  /** From publication to the first arrival, by label of the endpoints. */
  latencyMs: z.record(z.string(), PercentilesSchema),
});
export type RunResult = z.infer<typeof RunResultSchema>;

/** Everything since the start. */
const AuditSchema = z.object({
  events: z.int(),
  lost: z.int(),
  duplicated: z.int(),
  received: z.int(),
  mismatched: z.int(),
  /** Requests with a `webhook-id` that nobody published. */
  strays: z.int(),
  badSignatures: z.int(),
  /** Request lines, headers and bodies: what leaves for partners, without TLS. */
  requestBytes: z.number(),
  /** Since the start, by transport of the receivers. */
  connections: z.record(TransportSchema, z.object({ made: z.int(), handshakes: z.int() })),
  lanes: z.int(),
  outOfOrder: z.int(),
  badSequences: z.int(),
  unsequenced: z.int(),
  /** Most arrivals at one endpoint within one second, by label. */
  peakPerSecond: z.record(z.string(), z.int()),
  /** The same within ten seconds. */
  peakPerTenSeconds: z.record(z.string(), z.int()),
});
export type Audit = z.infer<typeof AuditSchema>;

/** What it answers, one to each command. */
const LoadReportSchema = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('planned'),
    ports: z.record(TransportSchema, z.int()),
    /** PEM. */
    authority: z.string(),
  }),
  z.object({ type: z.literal('connected') }),
  z.object({ type: z.literal('booked') }),
  z.object({ type: z.literal('answering') }),
  z.object({ type: z.literal('result'), result: RunResultSchema }),
  z.object({ type: z.literal('audit'), audit: AuditSchema }),
]);
export type LoadReport = z.infer<typeof LoadReportSchema>;

/** On the wire: a report has its command's number. */
export const NumberedCommandSchema = z.object({ number: z.int(), command: LoadCommandSchema });
export const NumberedReportSchema = z.object({ number: z.int(), report: LoadReportSchema });
export type NumberedCommand = z.infer<typeof NumberedCommandSchema>;
