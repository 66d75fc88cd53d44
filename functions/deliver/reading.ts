import { acknowledgementOf } from '../../schemas/contract.ts';
import type { DeliveryTask } from '../../schemas/delivery.ts';
import type { Endpoint } from '../../schemas/endpoint.ts';
import { compareInstants } from '../../schemas/instant.ts';
import type { Instant } from '../../schemas/primitives.ts';
import { attemptsOfSchedule } from '../shared/delivery-record.ts';
import type { ReadMessages } from '../shared/read-messages.ts';
import type { Settlement } from './settlement.ts';

/** How a delivery that is acknowledged by reading stands before an attempt. */
interface Reading {
  /** What it has come to; null when an attempt is to be made. */
  ended: Settlement | null;
  /**
   * Whether its message was read before somebody asked for it again. Reading can't acknowledge it a second time: a 2xx does,
   * and whatever the replay comes to, it stays delivered.
   */
  wasRead: boolean;
}

/**
 * It is over once its message is read, or unread when the schedule's last step, the time left to read after the last attempt,
 * is over too. A delivery of another contract always goes on.
 */
export async function readingOf(
  { messages }: { messages: ReadMessages },
  task: DeliveryTask,
  { contract }: Pick<Endpoint, 'contract'>,
  scheduleSeconds: readonly number[],
): Promise<Reading> {
  if (acknowledgementOf(contract) !== 'read') return { ended: null, wasRead: false };
  const { event, attempts } = task;
  const readAt = await messages.readAt(event.id);
  const made = attemptsOfSchedule(task, attempts);
  const isOver = made > 0 && made >= scheduleSeconds.length - 1;
  if (readAt === null)
    return { ended: isOver ? { kind: 'dead', attempts, reason: 'unread' } : null, wasRead: false };
  const wasRead = task.replay !== undefined && !answers(readAt, task);
  return { ended: wasRead && !isOver ? null : { kind: 'delivered', attempts }, wasRead };
}

/** Whether it was read after the replay had told of it. */
function answers(readAt: Instant, { attempts, replay }: DeliveryTask): boolean {
  const first = attempts[replay?.attemptsBefore ?? 0];
  return first !== undefined && compareInstants(readAt, first.at) >= 0;
}
