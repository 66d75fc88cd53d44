/**
 * Why a request may pass another time. `stale`: the other side had closed a connection that was kept alive, which
 * says nothing about how it is.
 */
export type RetryReason = 'stale' | 'transient' | 'throttling';

export interface AwsErrorFields {
  /** The service's code, such as `ResourceNotFoundException`, or one of ours: see AwsError. */
  name: string;
  message: string;
  /** Null when there was no answer. */
  statusCode?: number | null;
  /** Null: it would fail in the same way again. */
  retry?: RetryReason | null;
  requestId?: string | null;
  cause?: unknown;
}

/**
 * A request that came to nothing, its retries included. `name` is the service's code, or `TimeoutError` and
 * `NetworkError` where no answer came, or `UnreadableAnswer` for one that is not of AWS: a proxy's page, say.
 */
export class AwsError extends Error {
  readonly statusCode: number | null;
  readonly retry: RetryReason | null;
  /** What AWS support asks for. */
  readonly requestId: string | null;
  /** How often it was sent. */
  attempts = 1;

  constructor({ name, message, statusCode = null, retry = null, requestId = null, cause }: AwsErrorFields) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = name;
    this.statusCode = statusCode;
    this.retry = retry;
    this.requestId = requestId;
  }

  /** Whether it might have passed another time, had there been one. */
  get retryable(): boolean {
    return this.retry !== null;
  }
}

/** As the SDK has them. `TransactionInProgressException`: an earlier try with the same token is still at work. */
const throttlingCodes = new Set([
  'BandwidthLimitExceeded',
  'LimitExceededException',
  'PriorRequestNotComplete',
  'ProvisionedThroughputExceededException',
  'RequestLimitExceeded',
  'RequestThrottled',
  'RequestThrottledException',
  'SlowDown',
  'ThrottledException',
  'Throttling',
  'ThrottlingException',
  'TooManyRequestsException',
  'TransactionInProgressException',
]);

/**
 * A request that was signed too long ago: a function may be frozen in between. The next try is signed anew. And a write
 * that met a transaction on its item: nothing was written, and in a moment that is over. The SDK leaves this to its user.
 */
const transientCodes = new Set([
  'TransactionConflictException',
  'RequestTimeout',
  'RequestTimeoutException',
  'RequestExpired',
  'RequestTimeTooSkewed',
]);

/** Which answers are worth another try. Source: retries of the AWS SDKs, mode `standard`. */
export function retryReason(status: number, code: string, message: string): RetryReason | null {
  if (status === 429 || throttlingCodes.has(code)) return 'throttling';
  if (status >= 500 || transientCodes.has(code)) return 'transient';
  return code === 'InvalidSignatureException' && message.includes('Signature expired') ? 'transient' : null;
}
