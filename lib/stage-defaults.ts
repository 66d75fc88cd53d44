import type { StageConfig, StageName } from './config.ts';

const minutes = 60;
const hours = 60 * minutes;

/** What we run in production. Each other stage names its differences. */
const prod: StageConfig = {
  stage: 'prod',
  retainData: true,
  logRetentionDays: 90,
  operatorTimeZone: 'UTC',
  allowLoopbackHttp: false,
  tracing: false,
  retentionDays: 90,
  dueShards: 8,
  operatorPartnerId: 'operator',
  graceHours: 48,
  cognitoClients: [],
  lockerOpen: { linkHours: 24, commandSeconds: 60 },
  // API Gateway waits no longer. A pull waits 20 s at most.
  api: {
    timeoutSeconds: 29,
    memoryMb: 1024,
    requestsPerSecond: 200,
    burst: 400,
    waitingPullsPerPartner: 5,
    dryRunsPerPartner: 2,
  },
  ingest: { timeoutSeconds: 10, memoryMb: 512, maxRetries: 2, maxEventAgeSeconds: 6 * hours },
  fanOut: {
    timeoutSeconds: 30,
    memoryMb: 512,
    batchSize: 100,
    // A record that fails for good blocks its shard until these run out, then it rests in S3.
    maxRetryAttempts: 20,
    maxRecordAgeSeconds: 6 * hours,
  },
  delivery: {
    timeoutSeconds: 30,
    memoryMb: 512,
    scheduleSeconds: [
      0,
      5,
      5 * minutes,
      30 * minutes,
      2 * hours,
      5 * hours,
      10 * hours,
      14 * hours,
      20 * hours,
      24 * hours,
    ],
    // 24 hours in all. Each interval is half as long again as the one before at least, so that they grow in spite of
    // the ±20 %.
    pointerScheduleSeconds: [
      0,
      1 * minutes,
      2 * minutes,
      4 * minutes,
      8 * minutes,
      15 * minutes,
      30 * minutes,
      1 * hours,
      2 * hours,
      4 * hours,
      6 * hours,
      9 * hours,
      1 * hours,
    ],
    keyOverlapSeconds: 24 * hours,
    maxDelaySeconds: 15 * minutes,
    attemptTimeoutMs: 15_000,
    allowedPorts: [443, 8443],
    batchSize: 10,
    maxConcurrency: 50,
    slowMaxConcurrency: 10,
    orderedMaxConcurrency: 20,
    maxReceiveCount: 5,
    endpointCacheSeconds: 5,
    breaker: { failures: 5, openSeconds: 30, maxOpenSeconds: 10 * minutes },
    slow: { afterMs: 2_000, seconds: 1 * minutes },
  },
  redrive: { perSecond: 10, maxPerSecond: 100, settleSeconds: 60, perPartner: 10 },
  deadLetter: { timeoutSeconds: 30, memoryMb: 256, batchSize: 10 },
  timers: {
    timeoutSeconds: 55,
    memoryMb: 512,
    // A task may wait 15 minutes for its endpoint's limits, and the queue may be behind by as much.
    leaseSeconds: 30 * minutes,
    catchUpPerSecond: 20,
    drainPerSecond: 10,
    disableAfterHours: 5 * 24,
  },
};

const dev: StageConfig = { ...prod, stage: 'dev', retainData: false, logRetentionDays: 14 };

const local: StageConfig = {
  ...dev,
  stage: 'local',
  logRetentionDays: 1,
  allowLoopbackHttp: true,
  // The local stack has four processes for the API.
  api: { ...dev.api, waitingPullsPerPartner: 2 },
};

export const stageDefaults: Readonly<Record<StageName, StageConfig>> = { local, dev, prod };
