import * as z from 'zod';

/** What a function's process hears over IPC: one invocation. */
export interface Invocation {
  readonly requestId: string;
  readonly event: z.infer<ReturnType<typeof z.json>>;
  /** Milliseconds since 1970. */
  readonly deadline: number;
}

/** As Lambda's runtime reports an exception. */
export const FunctionErrorSchema = z.object({
  errorType: z.string(),
  errorMessage: z.string(),
  trace: z.array(z.string()).optional(),
});
export type FunctionError = z.infer<typeof FunctionErrorSchema>;

const UsageSchema = z.object({
  /** CPU time of this invocation in microseconds, user and system. */
  cpuMicros: z.number(),
  /** From the handler's start to its end. */
  durationMs: z.number(),
  /** AWS requests by service and operation. */
  requests: z.record(z.string(), z.number()),
  httpRequests: z.number(),
});
export type Usage = z.infer<typeof UsageSchema>;

/** What it says. */
export const ReportSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('ready') }),
  z.object({ type: z.literal('init-error'), error: FunctionErrorSchema }),
  z.object({
    type: z.literal('result'),
    requestId: z.string(),
    /** What the handler returned, as JSON. */
    payload: z.json(),
    usage: UsageSchema,
  }),
  z.object({
    type: z.literal('error'),
    requestId: z.string(),
    error: FunctionErrorSchema,
    usage: UsageSchema,
  }),
]);
export type Report = z.infer<typeof ReportSchema>;
