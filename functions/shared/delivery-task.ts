import * as z from 'zod';
import { DeliveryTaskSchema, type DeliveryTask } from '../../schemas/delivery.ts';
import type { ReadEndpoint } from './endpoint-directory.ts';
import { TowercastError } from './errors.ts';

/** What is on a delivery queue: a task, and what its sender had just read of its endpoint. */
export interface DeliveryMessage {
  task: DeliveryTask;
  /** For EndpointDirectory.learn, which parses it where it is of use. */
  told?: unknown;
}

const DeliveryMessageSchema = DeliveryTaskSchema.extend({ endpoint: z.unknown().optional() });

/** What is longer is not worth its way: SQS charges for each 64 KB of a batch, which has ten messages. */
const maxEndpointLength = 4_096;

/**
 * A task as SQS accepts it: U+FFFE and U+FFFF would be refused (InvalidMessageContents), so they go escaped. JSON
 * escapes the other forbidden characters itself.
 */
export function formatDeliveryTask(task: DeliveryTask, endpoint?: ReadEndpoint): string {
  const isTold = endpoint !== undefined && JSON.stringify(endpoint).length <= maxEndpointLength;
  return JSON.stringify(isTold ? { ...task, endpoint } : task).replaceAll(
    /[\uFFFE\uFFFF]/g,
    (char) => `\\u${char.codePointAt(0)?.toString(16)}`,
  );
}

/** Throws TowercastError `task_unreadable`, which doesn't quote the body. */
export function parseDeliveryMessage(body: string): DeliveryMessage {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    throw new TowercastError('task_unreadable', 'the body is not JSON');
  }
  const parsed = DeliveryMessageSchema.safeParse(value);
  if (parsed.success) {
    const { endpoint: told, ...task } = parsed.data;
    return { task, told };
  }
  const [issue] = parsed.error.issues;
  throw new TowercastError(
    'task_unreadable',
    `the body is not a delivery task: ${issue?.path.join('.')}: ${issue?.message}`,
  );
}

/** The same, without what goes with it. */
export const parseDeliveryTask = (body: string): DeliveryTask => parseDeliveryMessage(body).task;
