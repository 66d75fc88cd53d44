import { randomUUID } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import * as z from 'zod';
import { TowercastError } from '../../functions/shared/errors.ts';
import type { Json } from '../intrinsics.ts';
import type { FunctionPool } from './pool.ts';
import type { FunctionError } from './protocol.ts';

/** Properties of AWS::Lambda::EventInvokeConfig. */
export const EventInvokeSchema = z.strictObject({
  FunctionName: z.string(),
  Qualifier: z.literal('$LATEST'),
  MaximumRetryAttempts: z.number().default(2),
  MaximumEventAgeInSeconds: z.number().default(21_600),
  DestinationConfig: z
    .strictObject({ OnFailure: z.strictObject({ Destination: z.string() }).optional() })
    .default({}),
});

/** What happens to an asynchronous invocation that fails. */
export interface AsyncRules {
  readonly maxRetries: number;
  readonly maxEventAgeMs: number;
  /** Puts AWS's envelope where the on-failure destination says. */
  readonly park?: (envelope: Json) => Promise<void>;
  /** Milliseconds before each retry. */
  readonly retryDelaysMs?: readonly number[];
}

/** Lambda did not take the invocation, so that the caller must keep the event. */
export class InvokeError extends TowercastError {
  constructor(cause: FunctionError) {
    super('invoke_failed', cause.errorMessage);
    this.name = 'InvokeError';
  }
}

/**
 * AWS waits 1 and 2 minutes between the attempts of an asynchronous invocation. Here a tower waits for its PUBACK
 * meanwhile, since nothing else keeps the event, so the waits are 1 and 2 seconds.
 */
const defaultRetryDelaysMs = [1000, 2000];

/** Errors of Lambda rather than of the function. */
const serviceErrors = new Set(['ServiceException', 'Runtime.Stopped']);

/**
 * Invokes by the function's EventInvokeConfig: retries, then the on-failure destination. Resolves when the function
 * succeeded or its event is parked or, without a destination, dropped as AWS would. Rejects, with the event kept
 * nowhere, with InvokeError or with what `park` failed with.
 */
export async function invokeAsync(pool: FunctionPool, event: Json, rules: AsyncRules): Promise<void> {
  const startedAt = Date.now();
  const { retryDelaysMs = defaultRetryDelaysMs } = rules;
  for (let attempt = 1; ; attempt++) {
    const result = await pool.invoke(event);
    if (result.ok) return;
    if (serviceErrors.has(result.error.errorType)) throw new InvokeError(result.error);
    const delayMs = retryDelaysMs[attempt - 1] ?? retryDelaysMs.at(-1) ?? 0;
    const tooOld = Date.now() + delayMs - startedAt > rules.maxEventAgeMs;
    if (attempt <= rules.maxRetries && !tooOld) {
      await wait(delayMs);
      continue;
    }
    const condition = attempt > rules.maxRetries ? 'RetriesExhausted' : 'EventAgeExceeded';
    await rules.park?.(
      envelopeOf({ arn: pool.definition.arn, event, error: result.error, condition, attempt }),
    );
    return;
  }
}

/** Source: Lambda, "Capturing records of Lambda asynchronous invocations". */
function envelopeOf(failure: {
  arn: string;
  event: Json;
  error: FunctionError;
  condition: 'RetriesExhausted' | 'EventAgeExceeded';
  attempt: number;
}): Json {
  const { errorType, errorMessage, trace = [] } = failure.error;
  return {
    version: '1.0',
    timestamp: new Date().toISOString(),
    requestContext: {
      requestId: randomUUID(),
      functionArn: `${failure.arn}:$LATEST`,
      condition: failure.condition,
      approximateInvokeCount: failure.attempt,
    },
    requestPayload: failure.event,
    responseContext: { statusCode: 200, executedVersion: '$LATEST', functionError: 'Unhandled' },
    responsePayload: { errorType, errorMessage, trace },
  };
}
