import * as z from 'zod';
import type { PollStats } from '../local-stack.ts';
import { FilterCriteriaSchema } from './filter-criteria.ts';

const shared = {
  EventSourceArn: z.string(),
  FunctionName: z.string(),
  Enabled: z.literal(true).optional(),
  FunctionResponseTypes: z.array(z.literal('ReportBatchItemFailures')).default([]),
  FilterCriteria: FilterCriteriaSchema.optional(),
  MetricsConfig: z.unknown().optional(),
  Tags: z.unknown().optional(),
};

/** Properties of AWS::Lambda::EventSourceMapping of a queue. */
export const QueueMappingSchema = z.strictObject({
  ...shared,
  BatchSize: z.int().min(1).max(10).default(10),
  ScalingConfig: z.strictObject({ MaximumConcurrency: z.number().optional() }).default({}),
});
export type QueueMapping = z.infer<typeof QueueMappingSchema>;

/** Properties of AWS::Lambda::EventSourceMapping of a table's stream. */
export const StreamMappingSchema = z.strictObject({
  ...shared,
  StartingPosition: z.literal('TRIM_HORIZON'),
  BatchSize: z.int().min(1).max(1000).default(100),
  BisectBatchOnFunctionError: z.boolean().default(false),
  /** -1: until the record expires. */
  MaximumRetryAttempts: z.number().default(-1),
  /** -1: no limit. */
  MaximumRecordAgeInSeconds: z.number().default(-1),
  DestinationConfig: z
    .strictObject({ OnFailure: z.strictObject({ Destination: z.string() }).optional() })
    .default({}),
  /** Batches of a shard at a time. With more than one, only the order within an item stays. */
  ParallelizationFactor: z.int().min(1).max(10).default(1),
});
export type StreamMapping = z.infer<typeof StreamMappingSchema>;

/** What says of which kind a mapping is. */
export const MappingSourceSchema = z.looseObject({
  EventSourceArn: z.string(),
  FunctionName: z.string(),
});

/**
 * Invocations of a function at once that one queue feeds: they wait for partners more than for a core. What two queues
 * feed has as many for each, so that one can't take those of the other.
 */
export const invocationsPerQueue = 8;

/** Invokes the mapping's function. Never rejects. */
export type MappingInvoke = (
  event: z.infer<ReturnType<typeof z.json>>,
) => Promise<
  | { readonly ok: true; readonly payload: z.infer<ReturnType<typeof z.json>> }
  | { readonly ok: false; readonly error: { readonly errorType: string; readonly errorMessage: string } }
>;

/** A running mapping. */
export interface Mapping {
  /** What it asked of its queue; a stream's reads cost nothing. */
  readonly polls?: PollStats;
  /** Polls no more; resolves when the running batches are done. */
  stop(): Promise<void>;
}
