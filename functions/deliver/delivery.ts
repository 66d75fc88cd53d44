import { acknowledgementOf } from '../../schemas/contract.ts';
import { instantToMs } from '../../schemas/instant.ts';
import type { Attempt, DeliveryRecord, DeliveryTask } from '../../schemas/delivery.ts';
import type { DisableEndpoint } from '../shared/disable-endpoint.ts';
import type { EndpointDirectory, EndpointReader, KnownEndpoint } from '../shared/endpoint-directory.ts';
import type { ReadMessages } from '../shared/read-messages.ts';
import type { Channel } from '../shared/queue.ts';
import { isDisabledUnasked } from '../domain/endpoint-health.ts';
import { isPast } from '../domain/lane.ts';
import { attemptsOfSchedule, endpointUnknown, wasAcknowledged } from '../shared/delivery-record.ts';
import { nextAttempt, nextDelayMs, scheduleFor, type Schedules } from '../shared/retry-schedule.ts';
import type { SecretsOpener } from '../shared/secrets.ts';
import { idsOfTask } from '../shared/task-ids.ts';
import { attemptLine, isFirstReceipt, isLate, type AttemptContext } from './attempt-line.ts';
import { makeAttempt, type AttemptDeps, type AttemptInput } from './attempt.ts';
import type { Order } from './lane/order-headers.ts';
import { contracts } from './contracts/index.ts';
import type { Entry, Gate, Made } from './gate.ts';
import { isLeaseOver } from './lease.ts';
import { readingOf } from './reading.ts';
import { resume, settle, type Settled, type Settlement, type SettlementDeps } from './settlement.ts';

export interface DeliveryLogger {
  info(message: string, fields: Record<string, unknown>): void;
  error(message: string, fields: Record<string, unknown>): void;
}

export interface DeliverDeps extends AttemptDeps, Omit<SettlementDeps, 'resumeDelayMs'> {
  gate: Gate;
  /** One attempt, from its start to the end of the response. */
  attemptTimeoutMs: number;
  /** Of deliveries, from the receipt of their events. */
  retentionDays: number;
  endpoints: EndpointReader & Pick<EndpointDirectory, 'learn'> & { disable: DisableEndpoint };
  secrets: SecretsOpener;
  messages: ReadMessages;
  logger: DeliveryLogger;
  metrics: { addMetric(name: string, unit: 'Count' | 'Milliseconds', value: number): unknown };
  /** Uniform in [0, 1). */
  random: () => number;
  config: Schedules & {
    /** IANA name. */
    operatorTimeZone: string;
  };
}

/** How SQS gave a task. */
export interface Receipt {
  channel: Channel;
  /** How often it has given this task, this time included. */
  count: number;
}

/**
 * One task of a delivery queue: at most one attempt, then its record and its successor. Rejects when the task must
 * be given again.
 */
export async function deliver(deps: DeliverDeps, task: DeliveryTask, receipt: Receipt): Promise<void> {
  // What has a place in a lane belongs there, also when its endpoint no longer asks for order.
  if (task.sequence !== undefined) return passToLane(deps, task);
  const endpoint = await deps.endpoints.get(task);
  if (endpoint?.ordered === true) return passToLane(deps, task);
  const schedule = scheduleFor(endpoint, deps.config);
  const mayHaveLanes = endpoint?.ordered === false;
  if (receipt.count > 1 || mayHaveLanes) {
    // What a crash left behind may be past the POST: don't repeat what is on record.
    const current = await deps.store.get(task);
    if ((await resume(settlementDeps(deps, schedule), task, current)) === 'resumed') return;
    // Its successor may be over since: another attempt would write over what that is on record with. And nobody would
    // pass a turn on that ended beside its lane.
    if (current !== null && (isPast(current, task) || (mayHaveLanes && isInLane(current))))
      return void deps.metrics.addMetric('ChainsDropped', 'Count', 1);
  }
  // After that: of a task whose record stands, only its successor may be missing, and no index has that.
  if (isLeaseOver(task, deps)) {
    deps.metrics.addMetric('LeasesOver', 'Count', 1);
    deps.logger.info('lease over', { ...idsOfTask(task), leasedUntil: task.leasedUntil });
    return;
  }
  const outcome = await decide(deps, task, { endpoint, schedule, channel: receipt.channel });
  if (outcome.kind === 'later' || outcome.kind === 'divert')
    return postpone(deps, task, outcome, receipt.channel);
  const options = { replaces: !mayHaveLanes };
  const settled = await settle(settlementDeps(deps, schedule), task, outcome, options);
  noteSettled(deps, task, outcome, settled);
}

const isInLane = ({ status, sequence }: DeliveryRecord): boolean =>
  status === 'pending' && sequence !== undefined;

/** It stays the same task, so that SQS drops a second one after a crash. */
const passToLane = ({ tasks }: DeliverDeps, task: DeliveryTask): Promise<void> =>
  tasks.send([{ task, delaySeconds: 0, via: 'ordered' }]);

/** The same attempt again, later or elsewhere. It stays the same task: a crash in between repeats nothing but this. */
async function postpone(
  deps: DeliverDeps,
  task: DeliveryTask,
  outcome: Postponement,
  channel: Channel,
): Promise<void> {
  deps.metrics.addMetric(
    outcome.kind === 'divert' ? 'DeliveriesDiverted' : 'DeliveriesPostponed',
    'Count',
    1,
  );
  if (outcome.kind === 'divert') return deps.tasks.send([{ task, delaySeconds: 0, via: 'slow' }]);
  const { slotAt, delaySeconds } = outcome;
  // A queue that keeps order delays nothing.
  const via = channel === 'slow' ? 'slow' : 'live';
  await deps.tasks.send([{ task: slotAt === undefined ? task : { ...task, slotAt }, delaySeconds, via }]);
}

export type Postponement = Extract<Entry, { kind: 'later' | 'divert' }>;

/** Where a task goes, and how. */
export interface Destination {
  endpoint: KnownEndpoint | null;
  schedule: readonly number[];
  channel: Channel;
  /** Set in a lane. */
  order?: Order;
}

/** At most one attempt, and what it comes to; nothing is recorded yet. */
export async function decide(
  deps: DeliverDeps,
  task: DeliveryTask,
  destination: Destination,
): Promise<Settlement | Postponement> {
  const outcome = await attemptOnce(deps, task, destination);
  const isOver = outcome.kind === 'dead' || outcome.kind === 'held';
  return isOver && wasAcknowledged(destination.endpoint, outcome.attempts)
    ? { kind: 'delivered', attempts: outcome.attempts }
    : outcome;
}

async function attemptOnce(
  deps: DeliverDeps,
  task: DeliveryTask,
  { endpoint, schedule, channel, order }: Destination,
): Promise<Settlement | Postponement> {
  const { attempts } = task;
  if (endpoint === null) return { kind: 'dead', attempts, reason: endpointUnknown };
  if (endpoint.status === 'disabled') {
    return { kind: 'held', attempts, reason: 'endpoint_disabled', byRequest: !isDisabledUnasked(endpoint) };
  }
  const { ended, wasRead } = await readingOf(deps, task, endpoint, schedule);
  if (ended !== null) return ended;
  const rendering = contracts[endpoint.contract](task.event, endpoint, deps.config);
  // The endpoint has changed its contract since this was matched.
  if (rendering === null) return { kind: 'dead', attempts, reason: 'contract_mismatch' };

  const entry = await deps.gate.enter(endpoint, task, channel);
  if (entry.kind === 'park') return { kind: 'parked', attempts, reason: entry.reason };
  if (entry.kind !== 'go') return entry;
  const { attempt, verdict } = await attemptWithin(entry, async () => {
    const secrets = await deps.secrets.open(endpoint);
    // Until here it was our own time.
    entry.begin();
    return attemptTask(deps, { task, endpoint, channel, order }, { rendering, secrets });
  });
  const made = [...attempts, attempt];
  const settles = acknowledgementOf(endpoint.contract) === 'response';
  if ((settles || wasRead) && verdict.kind === 'delivered') return { kind: 'delivered', attempts: made };
  if (settles && verdict.kind === 'gone' && (await deps.endpoints.disable(endpoint, 'gone')) === 'disabled')
    return { kind: 'held', attempts: made, reason: 'endpoint_gone' };
  const retryAfterMs = verdict.kind === 'retry' ? verdict.retryAfterMs : null;
  const { now, random, retentionDays } = deps;
  const next = nextAttempt({
    scheduleSeconds: schedule,
    attemptsMade: attemptsOfSchedule(task, made),
    retryAfterMs,
    random,
    nowMs: now(),
    receivedAt: task.event.receivedAt,
    retentionDays,
  });
  if (next.kind === 'in') return { kind: 'retry', attempts: made, delayMs: next.delayMs };
  if (wasRead) return { kind: 'delivered', attempts: made };
  if (next.kind === 'too-late') return { kind: 'dead', attempts: made, reason: 'event_expired' };
  return { kind: 'dead', attempts: made, reason: verdict.kind === 'delivered' ? 'unread' : verdict.reason };
}

async function attemptWithin(
  entry: Extract<Entry, { kind: 'go' }>,
  attempt: () => Promise<Made>,
): Promise<Made> {
  let made: Made | null = null;
  try {
    made = await attempt();
    return made;
  } finally {
    await entry.leave(made);
  }
}

async function attemptTask(
  deps: DeliverDeps,
  context: AttemptContext,
  what: Pick<AttemptInput, 'rendering' | 'secrets'>,
): Promise<Made> {
  const { task, endpoint, order } = context;
  const number = task.attempts.length + 1;
  const { event, replay } = task;
  const made = await makeAttempt(deps, { ...what, number, event, endpoint, replay, order });
  noteAttempt(deps, context, made.attempt);
  return made;
}

export function settlementDeps(deps: DeliverDeps, scheduleSeconds: readonly number[]): SettlementDeps {
  const { random } = deps;
  return {
    ...deps,
    resumeDelayMs(task, attempts) {
      const attemptsMade = attemptsOfSchedule(task, attempts);
      const retryAfterMs = (attempts.at(-1)?.retryAfterSeconds ?? 0) * 1_000;
      return nextDelayMs({ scheduleSeconds, attemptsMade, retryAfterMs, random }) ?? 0;
    },
  };
}

function noteAttempt(deps: DeliverDeps, context: AttemptContext, attempt: Attempt): void {
  const nowMs = deps.now();
  deps.logger.info('attempt', attemptLine(context, attempt, nowMs));
  if (isFirstReceipt(context.task, attempt))
    deps.metrics.addMetric(
      'PublishToReceiptMs',
      'Milliseconds',
      nowMs - instantToMs(context.task.event.receivedAt),
    );
  if (isLate(context, attempt)) deps.metrics.addMetric('FirstAttemptsLate', 'Count', 1);
  if (attempt.outcome !== 'delivered') deps.metrics.addMetric('AttemptsFailed', 'Count', 1);
}

const settledMetrics = {
  delivered: 'DeliveriesDelivered',
  parked: 'DeliveriesParked',
  dead: 'DeliveriesDead',
  held: 'DeliveriesHeld',
  failedTest: 'TestsFailed',
  withoutEndpoint: 'DeliveriesWithoutEndpoint',
} as const;

/** What somebody tried an endpoint with, or meant for one that was deleted, is nobody's loss. */
function outcomeOf(
  { event }: DeliveryTask,
  settlement: Exclude<Settlement, { kind: 'retry' }>,
): keyof typeof settledMetrics {
  const { kind } = settlement;
  if ((kind === 'dead' || kind === 'held') && event.test !== undefined) return 'failedTest';
  return kind === 'dead' && settlement.reason === endpointUnknown ? 'withoutEndpoint' : kind;
}

/** Counts what a task came to, and tells of it where no attempt has. */
export function noteSettled(
  deps: DeliverDeps,
  task: DeliveryTask,
  settlement: Settlement,
  settled: Settled,
): void {
  const add = (name: string) => deps.metrics.addMetric(name, 'Count', 1);
  if (settled !== 'recorded') {
    add(settled === 'dropped' ? 'ChainsDropped' : 'ChainsResumed');
    return;
  }
  if (settlement.kind !== 'retry') {
    const outcome = outcomeOf(task, settlement);
    add(settledMetrics[outcome]);
    if (outcome === 'held' && settlement.kind === 'held' && settlement.byRequest !== true)
      add('DeliveriesHeldUnasked');
  }
  if (settlement.attempts.length > task.attempts.length) return;
  const reason = 'reason' in settlement ? settlement.reason : null;
  deps.logger.info('delivery settled', { ...idsOfTask(task), outcome: settlement.kind, reason });
}
