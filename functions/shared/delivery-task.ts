import { DeliveryTaskSchema, type DeliveryTask } from '../../schemas/delivery.ts';
import { TowercastError } from './errors.ts';

/**
 * A task as SQS accepts it: U+FFFE and U+FFFF would be refused (InvalidMessageContents), so they go escaped. JSON
 * escapes the other forbidden characters itself.
 */
export function formatDeliveryTask(task: DeliveryTask): string {
  return JSON.stringify(task).replaceAll(
    /[\uFFFE\uFFFF]/g,
    (char) => `\\u${char.codePointAt(0)?.toString(16)}`,
  );
}

/** Throws TowercastError `task_unreadable`, which doesn't quote the body. */
export function parseDeliveryTask(body: string): DeliveryTask {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    throw new TowercastError('task_unreadable', 'the body is not JSON');
  }
  const parsed = DeliveryTaskSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new TowercastError(
    'task_unreadable',
    `the body is not a delivery task: ${issue?.path.join('.')}: ${issue?.message}`,
  );
}
