import { acknowledgementOf } from '../../schemas/contract.ts';
import { instantToMs } from '../../schemas/instant.ts';
import type { Attempt, DeliveryTask } from '../../schemas/delivery.ts';
import type { Endpoint } from '../../schemas/endpoint.ts';
import { deliveryId } from '../shared/keys.ts';
import type { EndpointDirectory } from '../shared/endpoint-directory.ts';
import type { ReadMessages } from '../shared/read-messages.ts';
import { nextDelayMs, scheduleFor, type Schedules } from '../shared/retry-schedule.ts';
import type { SecretsOpener } from '../shared/secrets.ts';
import { makeAttempt, type AttemptDeps } from './attempt.ts';
import type { Verdict } from './classify.ts';
import { contracts } from './contracts/index.ts';
import type { Rendering } from './contracts/contract.ts';
import { resume, settle, type Settled, type Settlement, type SettlementDeps } from './settlement.ts';

export interface DeliveryLogger {
  info(message: string, fields: Record<string, unknown>): void;
  error(message: string, fields: Record<string, unknown>): void;
}

export interface DeliverDeps extends AttemptDeps, Omit<SettlementDeps, 'resumeDelayMs'> {
  endpoints: Pick<EndpointDirectory, 'get' | 'disable'>;
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

/**
 * One task of the delivery queue: at most one attempt, then its record and its successor. Rejects when the task must
 * be given again.
 *
 * @param receiveCount how often SQS has given this task, this time included
 */
export async function deliver(deps: DeliverDeps, task: DeliveryTask, receiveCount: number): Promise<void> {
  const endpoint = await deps.endpoints.get(task);
  const schedule = scheduleFor(endpoint, deps.config);
  if (receiveCount > 1) {
    // What a crash left behind may be past the POST: don't repeat what is on record.
    const current = await deps.store.get(task);
    if ((await resume(settlementDeps(deps, schedule), task, current)) === 'resumed') return;
  }
  const settlement = await decide(deps, task, endpoint, schedule);
  const settled = await settle(settlementDeps(deps, schedule), task, settlement);
  count(deps, settlement, settled);
}

async function decide(
  deps: DeliverDeps,
  task: DeliveryTask,
  endpoint: Endpoint | null,
  scheduleSeconds: readonly number[],
): Promise<Settlement> {
  const { attempts } = task;
  if (endpoint === null) return { kind: 'dead', attempts, reason: 'endpoint_unknown' };
  if (endpoint.status === 'disabled') return { kind: 'held', attempts, reason: 'endpoint_disabled' };
  const ended = await endOfReading(deps, task, endpoint, scheduleSeconds);
  if (ended !== null) return ended;
  const rendering = contracts[endpoint.contract](task.event, endpoint, deps.config);
  // The endpoint has changed its contract since this was matched.
  if (rendering === null) return { kind: 'dead', attempts, reason: 'contract_mismatch' };

  const { attempt, verdict } = await attemptTask(deps, task, endpoint, rendering);
  const made = [...attempts, attempt];
  const settles = acknowledgementOf(endpoint.contract) === 'response';
  if (settles && verdict.kind === 'delivered') return { kind: 'delivered', attempts: made };
  if (settles && verdict.kind === 'gone' && (await deps.endpoints.disable(endpoint, 'gone')) === 'disabled')
    return { kind: 'held', attempts: made, reason: 'endpoint_gone' };
  const retryAfterMs = verdict.kind === 'retry' ? verdict.retryAfterMs : null;
  const { random } = deps;
  const delayMs = nextDelayMs({ scheduleSeconds, attemptsMade: made.length, retryAfterMs, random });
  return delayMs === null
    ? { kind: 'dead', attempts: made, reason: verdict.kind === 'delivered' ? 'unread' : verdict.reason }
    : { kind: 'retry', attempts: made, delayMs };
}

/**
 * Whether a delivery that is acknowledged by reading is over before this attempt: read, or unread when the schedule's
 * last step, the time left to read after the last attempt, is over too. Null when it goes on.
 */
async function endOfReading(
  { messages }: DeliverDeps,
  { event, attempts }: DeliveryTask,
  { contract }: Endpoint,
  scheduleSeconds: readonly number[],
): Promise<Settlement | null> {
  if (acknowledgementOf(contract) !== 'read') return null;
  if (await messages.isRead(event.id)) return { kind: 'delivered', attempts };
  const isOver = attempts.length > 0 && attempts.length >= scheduleSeconds.length - 1;
  return isOver ? { kind: 'dead', attempts, reason: 'unread' } : null;
}

async function attemptTask(
  deps: DeliverDeps,
  task: DeliveryTask,
  endpoint: Endpoint,
  rendering: Rendering,
): Promise<{ attempt: Attempt; verdict: Verdict }> {
  const secrets = await deps.secrets.open(endpoint);
  const number = task.attempts.length + 1;
  const made = await makeAttempt(deps, { number, event: task.event, endpoint, rendering, secrets });
  logAttempt(deps, task, endpoint, made.attempt);
  return made;
}

function settlementDeps(deps: DeliverDeps, scheduleSeconds: readonly number[]): SettlementDeps {
  const { random } = deps;
  return {
    ...deps,
    resumeDelayMs: (attemptsMade) =>
      nextDelayMs({ scheduleSeconds, attemptsMade, retryAfterMs: null, random }) ?? 0,
  };
}

/** One wide line per attempt. Neither URL, body nor headers: those may hold secrets. */
function logAttempt(deps: DeliverDeps, task: DeliveryTask, endpoint: Endpoint, attempt: Attempt): void {
  const { event, partnerId, endpointId } = task;
  const latencyMs = deps.now() - instantToMs(event.receivedAt);
  const { number, outcome, status, reason, durationMs, peerAddress } = attempt;
  deps.logger.info('attempt', {
    towerId: event.towerId,
    eventId: event.id,
    eventType: event.type,
    deliveryId: deliveryId(endpointId, event.receivedAt, event.id),
    endpointId,
    partnerId,
    contract: endpoint.contract,
    attempt: number,
    outcome,
    status,
    reason,
    durationMs,
    peerAddress,
    latencyMs,
  });
  if (outcome === 'delivered' && isFirstReceipt(task))
    deps.metrics.addMetric('PublishToReceiptMs', 'Milliseconds', latencyMs);
  else deps.metrics.addMetric('AttemptsFailed', 'Count', 1);
}

/** What is acknowledged by reading is received again and again. */
const isFirstReceipt = ({ attempts }: DeliveryTask): boolean =>
  attempts.every(({ outcome }) => outcome !== 'delivered');

const finalMetrics = {
  delivered: 'DeliveriesDelivered',
  dead: 'DeliveriesDead',
  held: 'DeliveriesHeld',
} as const;

function count(deps: DeliverDeps, settlement: Settlement, settled: Settled): void {
  const add = (name: string) => deps.metrics.addMetric(name, 'Count', 1);
  if (settled !== 'recorded') {
    add(settled === 'dropped' ? 'ChainsDropped' : 'ChainsResumed');
    return;
  }
  if (settlement.kind !== 'retry') add(finalMetrics[settlement.kind]);
}
