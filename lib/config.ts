import * as z from 'zod';
import { leaseMarginMs } from '../functions/deliver/lease.ts';
import { outlasts } from '../functions/shared/retry-schedule.ts';
import { RetryScheduleSchema } from '../schemas/endpoint.ts';
import { NameSchema } from '../schemas/primitives.ts';
import { stageDefaults } from './stage-defaults.ts';

const StageNameSchema = z.enum(['local', 'dev', 'prod']);
export type StageName = z.infer<typeof StageNameSchema>;

/** What CloudWatch Logs accepts, in days. Source: PutRetentionPolicy. */
const LogRetentionSchema = z.literal([
  1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 3653,
]);

const isTimeZone = (name: string): boolean => {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone !== '';
  } catch {
    return false;
  }
};

/** Limits of Lambda itself. */
const compute = { timeoutSeconds: z.int().min(1).max(900), memoryMb: z.int().min(128).max(10_240) };

const ShapeSchema = z.strictObject({
  stage: StageNameSchema,
  /** True: tables, keys and logs outlive the stack and are protected against deletion. */
  retainData: z.boolean(),
  logRetentionDays: LogRetentionSchema,
  /** IANA name. `locker-open` shows emission times in it. */
  operatorTimeZone: z.string().refine(isTimeZone, 'must be an IANA time zone such as "Europe/Warsaw"'),
  /** Plain http to loopback, for receivers on this machine. */
  allowLoopbackHttp: z.boolean(),
  /** X-Ray on every request doubles the bill. */
  tracing: z.boolean(),
  /** Where alarms report to: the ARN of an SNS topic. Without it they only show in the console. */
  alarmTopicArn: z
    .string()
    .regex(/^arn:[\w-]+:sns:[\w-]+:\d{12}:[\w.-]+$/, 'must be the ARN of an SNS topic')
    .optional(),
  /** Of events, deliveries and quarantined messages. */
  retentionDays: z.int().min(1).max(3650),
  /** Partitions of each due index. Every run of `timers` queries each of them. */
  dueShards: z.int().min(1).max(64),
  /** The operator's own partner: its operational endpoints hear of every partner's endpoints and dead deliveries. */
  operatorPartnerId: NameSchema,
  /** From STOCKED to RETURNING. */
  graceHours: z.number().positive(),
  /** What links to the public pages begin with: a custom domain, say. Default: the HTTP API's own address. */
  publicBaseUrl: z
    .string()
    .regex(/^https?:\/\/[^/?#]+$/, 'must be a URL without a path, such as "https://open.example.com"')
    .optional(),
  /** Who signs tokens. Without it the stack brings a Cognito user pool. */
  oidc: z
    .strictObject({
      /** As in the tokens' `iss`; `{issuer}/.well-known/openid-configuration` must be reachable. */
      issuer: z.url({ protocol: /^https?$/ }),
      /** Values of the tokens' `aud`, one of which must match. */
      audience: z.array(z.string().min(1)).min(1).max(50),
    })
    .optional(),
  /**
   * Names of partners' app clients in the Cognito user pool. Its tokens have no `aud`, so that the API must know each
   * client: API Gateway takes 50 in all.
   */
  cognitoClients: z.array(z.string().regex(/^[A-Za-z0-9]{1,40}$/)).max(49),
  lockerOpen: z.strictObject({
    /** How long a link works. */
    linkHours: z.number().positive(),
    /** How long a tower may act on an `open` command. */
    commandSeconds: z.int().min(1),
  }),
  api: z.strictObject({
    ...compute,
    /** Of all callers together. */
    requestsPerSecond: z.int().min(1),
    burst: z.int().min(1),
    /** Requests of one partner that may wait for events at a time. Each keeps an invocation busy for up to 20 s. */
    waitingPullsPerPartner: z.int().min(1),
    /** Redrives of one partner that may be counted at a time, for up to 15 s each. */
    dryRunsPerPartner: z.int().min(1),
  }),
  ingest: z.strictObject({
    ...compute,
    /** Of one asynchronous invocation, after its first attempt. */
    maxRetries: z.int().min(0).max(2),
    maxEventAgeSeconds: z.int().min(60).max(21_600),
  }),
  fanOut: z.strictObject({
    ...compute,
    batchSize: z.int().min(1).max(10_000),
    maxRetryAttempts: z.int().min(0).max(10_000),
    /** The stream itself keeps records for a day. */
    maxRecordAgeSeconds: z.int().min(60).max(86_400),
  }),
  delivery: z.strictObject({
    ...compute,
    /** Seconds before the first attempt and between attempts. */
    scheduleSeconds: RetryScheduleSchema,
    /**
     * The same for `message-pointer`, which repeats until its message is read. The last step is the time left to read
     * after the last attempt.
     */
    pointerScheduleSeconds: RetryScheduleSchema,
    /** How long a rotated signing key signs on beside the new one. */
    keyOverlapSeconds: z.number().positive(),
    /** One attempt, from its start to the end of the response. */
    attemptTimeoutMs: z.int().min(1),
    /** TCP ports that partners may receive at. Receivers on this machine may use any, where stage `local` allows them. */
    allowedPorts: z.array(z.int().min(1).max(65_535)).min(1),
    /** A later next attempt waits in the due index. SQS delays a message by 15 minutes at most. */
    maxDelaySeconds: z.int().min(0).max(900),
    batchSize: z.int().min(1).max(10),
    maxConcurrency: z.int().min(2).max(1000),
    /** The same for endpoints that don't answer in time. */
    slowMaxConcurrency: z.int().min(2).max(1000),
    /** The same for endpoints that ask for order. */
    orderedMaxConcurrency: z.int().min(2).max(1000),
    /** Receives by a function that crashed, before the message goes to the DLQ. */
    maxReceiveCount: z.int().min(1).max(1000),
    endpointCacheSeconds: z.number().min(0),
    /** When an endpoint gets no requests for a while but one probe at a time. */
    breaker: z.strictObject({
      /**
       * Failures in a row that open it, if the first is older than `endpointCacheSeconds`: all functions know of it by then.
       * Ten times as many open it at once.
       */
      failures: z.int().min(1),
      /** How long it stays open the first time; each time after twice as long. */
      openSeconds: z.number().positive(),
      maxOpenSeconds: z.number().positive(),
    }),
    /** An endpoint that takes longer than `afterMs` goes over the queue of the slow for so many seconds at least. */
    slow: z.strictObject({ afterMs: z.int().min(1), seconds: z.number().positive() }),
  }),
  redrive: z
    .strictObject({
      /** Deliveries a second, of one redrive that names no rate. */
      perSecond: z.number().positive(),
      /** The highest rate that a redrive may name. */
      maxPerSecond: z.number().positive().max(1_000),
      /** How long after its receipt a delivery is on record for sure: a redrive comes past it no sooner. */
      settleSeconds: z.int().min(0).max(3_600),
      /** How many of one partner may run at a time. */
      perPartner: z.int().min(1).max(100),
    })
    .refine(({ perSecond, maxPerSecond }) => perSecond <= maxPerSecond, {
      path: ['perSecond'],
      message: 'must be at most redrive.maxPerSecond',
    }),
  deadLetter: z.strictObject({ ...compute, batchSize: z.int().min(1).max(10) }),
  timers: z.strictObject({
    ...compute,
    /** How long a due delivery belongs to the run that took it, and to its task, from its turn on. Then it is handed out again. */
    leaseSeconds: z.int().min(1),
    /** Due deliveries that one endpoint is given in a second: after an outage it catches up at this rate. */
    catchUpPerSecond: z.number().positive().max(1_000),
    /**
     * Parked deliveries that one endpoint is given in a second once it takes them again, and of its lanes also those that wait
     * behind them. Live events don't wait for them.
     */
    drainPerSecond: z.number().positive().max(1_000),
    /** An endpoint whose attempts failed for so long is switched off. */
    disableAfterHours: z.number().positive(),
  }),
});

/** Everything that differs between deployments, in one place. Seconds, milliseconds and megabytes as named. */
export const StageConfigSchema = ShapeSchema.superRefine((config, context) => {
  const refuse = (path: string[], message: string) => context.addIssue({ code: 'custom', path, message });
  const { delivery, timers } = config;
  const attemptSeconds = delivery.attemptTimeoutMs / 1000;

  if (config.allowLoopbackHttp && config.stage !== 'local')
    refuse(
      ['allowLoopbackHttp'],
      `must be false on stage "${config.stage}": only "local" may send plain http`,
    );
  if (attemptSeconds >= delivery.timeoutSeconds)
    refuse(
      ['delivery', 'attemptTimeoutMs'],
      `must be less than delivery.timeoutSeconds (${delivery.timeoutSeconds} s), or the function dies before it can record the attempt`,
    );
  if (delivery.breaker.maxOpenSeconds < delivery.breaker.openSeconds)
    refuse(
      ['delivery', 'breaker', 'maxOpenSeconds'],
      `must be at least delivery.breaker.openSeconds (${delivery.breaker.openSeconds} s)`,
    );
  if (config.stage !== 'local' && delivery.maxReceiveCount < 5)
    refuse(
      ['delivery', 'maxReceiveCount'],
      'must be at least 5: throttled receives count too, and would send untouched messages to the DLQ',
    );
  for (const schedule of ['scheduleSeconds', 'pointerScheduleSeconds'] as const)
    if (outlasts(delivery[schedule], config.retentionDays))
      refuse(
        ['delivery', schedule],
        `must end within retentionDays (${config.retentionDays}) though each step may take a fifth more, or a delivery expires before its last attempt`,
      );
  if (config.api.timeoutSeconds > 29)
    refuse(['api', 'timeoutSeconds'], 'must be at most 29: API Gateway waits no longer');
  if (config.api.timeoutSeconds < 25)
    refuse(['api', 'timeoutSeconds'], 'must be at least 25: a request for events may wait 20 s for one');
  if (config.stage !== 'local' && config.oidc?.issuer.startsWith('https:') === false)
    refuse(['oidc', 'issuer'], 'must be https');
  if (timers.timeoutSeconds >= 60)
    refuse(['timers', 'timeoutSeconds'], 'must be less than 60: the next run starts every minute');
  if (timers.timeoutSeconds < 10)
    refuse(['timers', 'timeoutSeconds'], 'must be at least 10: a run stops 5 s before it, to end well');
  const leastLease = timers.timeoutSeconds + attemptSeconds + leaseMarginMs / 1_000;
  if (timers.leaseSeconds <= leastLease)
    refuse(
      ['timers', 'leaseSeconds'],
      `must be more than ${leastLease} (a run's time, an attempt's, and what else a task takes), or leases end before the attempts`,
    );
});
export type StageConfig = z.infer<typeof StageConfigSchema>;

/** A mistake in `-c stage=` or `-c config=`. The message has one line per mistake, for people. */
export class StageConfigError extends Error {
  readonly code = 'stage_config_invalid';

  constructor(mistakes: readonly string[]) {
    super(mistakes.join('\n'));
    this.name = 'StageConfigError';
  }
}

/**
 * The configuration of a stage: its defaults, with `overrides` merged into them (objects merge, everything else
 * replaces). `overrides` is JSON text, as `-c config=` gives it, or the object that cdk.json gives.
 * Throws StageConfigError.
 */
export function loadStageConfig(stage: unknown = 'dev', overrides: unknown = {}): StageConfig {
  const name = StageNameSchema.safeParse(stage);
  if (!name.success)
    throw new StageConfigError([
      `stage: must be one of ${StageNameSchema.options.join(', ')}, got ${JSON.stringify(stage)}`,
    ]);
  const given = RecordSchema.safeParse(typeof overrides === 'string' ? parseJson(overrides) : overrides);
  if (!given.success) throw new StageConfigError(['config: must be a JSON object']);
  const config = StageConfigSchema.safeParse(merge({ ...stageDefaults[name.data] }, given.data));
  if (!config.success)
    throw new StageConfigError(
      config.error.issues.map((issue) => `${['config', ...issue.path].join('.')}: ${issue.message}`),
    );
  if (config.data.stage !== name.data)
    throw new StageConfigError(['config.stage: is chosen with -c stage=, not in the config']);
  return config.data;
}

const RecordSchema = z.record(z.string(), z.unknown());

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new StageConfigError([`config: ${error instanceof Error ? error.message : 'must be JSON'}`]);
  }
}

function merge(base: Record<string, unknown>, over: Record<string, unknown>): Record<string, unknown> {
  const merged = new Map(Object.entries(base));
  for (const [key, value] of Object.entries(over)) {
    const [below, above] = [RecordSchema.safeParse(merged.get(key)), RecordSchema.safeParse(value)];
    merged.set(key, below.success && above.success ? merge(below.data, above.data) : value);
  }
  return Object.fromEntries(merged);
}
