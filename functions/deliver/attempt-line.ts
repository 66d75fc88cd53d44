import type { Attempt, AttemptTimes, DeliveryTask } from '../../schemas/delivery.ts';
import { instantToMs } from '../../schemas/instant.ts';
import type { KnownEndpoint } from '../shared/endpoint-directory.ts';
import type { Channel } from '../shared/queue.ts';
import { idsOfTask } from '../shared/task-ids.ts';
import type { Order } from './lane/order-headers.ts';

/** How an attempt came about. */
export interface AttemptContext {
  task: DeliveryTask;
  endpoint: KnownEndpoint;
  channel: Channel;
  /** Set in a lane. */
  order: Order | undefined;
}

/**
 * One wide line per attempt: all that is asked of the log afterwards, under names that don't change. Of the URL its host
 * only, neither body nor headers: those may hold secrets.
 */
export function attemptLine(
  { task, endpoint, channel, order }: AttemptContext,
  { number, at, outcome, status, reason, durationMs, host, peerAddress, connection, times }: Attempt,
  nowMs: number,
): Record<string, unknown> {
  const { event, replay } = task;
  return {
    ...idsOfTask(task),
    locker: event.locker,
    eventType: event.type,
    contract: endpoint.contract,
    channel,
    breaker: endpoint.health?.breaker ?? 'closed',
    sequence: order?.sequence ?? null,
    replay: replay === undefined ? null : (replay.redriveId ?? true),
    attempt: number,
    at,
    outcome,
    status,
    reason,
    durationMs,
    times: times && measured(times),
    host: host ?? null,
    peerAddress,
    tlsProtocol: connection?.tls?.protocol ?? null,
    reused: connection?.reused ?? null,
    latencyMs: nowMs - instantToMs(event.receivedAt),
  };
}

/** Over a kept connection most of them are none, and CloudWatch charges by the byte. */
const measured = (times: AttemptTimes): Partial<AttemptTimes> =>
  Object.fromEntries(Object.entries(times).filter(([, milliseconds]) => milliseconds !== null));

/**
 * Whether an attempt says how long an event took to its partner. What is acknowledged by reading is received again and
 * again, and a replay is as old as somebody's wish.
 */
export const isFirstReceipt = ({ attempts, replay }: DeliveryTask, { outcome }: Attempt): boolean =>
  outcome === 'delivered' &&
  replay === undefined &&
  attempts.every((earlier) => earlier.outcome !== 'delivered');

const lateMs = 60_000;

/**
 * Whether an event waited for its first attempt though nothing of the endpoint's own held it back: neither its lane, nor its
 * limits, nor that it is slow, failed or was tried with something. Then whatever comes before the POST is late.
 */
export const isLate = (
  { task, channel, order }: AttemptContext,
  { number, at }: Pick<Attempt, 'number' | 'at'>,
): boolean =>
  number === 1 &&
  channel === 'live' &&
  order === undefined &&
  task.replay === undefined &&
  // `timers` sends what was parked.
  task.leasedUntil === undefined &&
  task.slotAt === undefined &&
  instantToMs(at) - instantToMs(task.event.receivedAt) > lateMs;
