import type { DeliveryTask } from '../../schemas/delivery.ts';
import { parseDeliveryTask } from './delivery-task.ts';
import { TowercastError } from './errors.ts';
import { deliveryId } from './keys.ts';

/** What every log line about a delivery is found by, whichever function wrote it. */
export const idsOfTask = ({ event, partnerId, endpointId }: DeliveryTask) => ({
  towerId: event.towerId,
  eventId: event.id,
  deliveryId: deliveryId(endpointId, event.receivedAt, event.id),
  endpointId,
  partnerId,
});

/** The same of a message, for a line about a failure: without ids where it is no task. */
export function idsOfMessage({ messageId, body }: { messageId: string; body: string }) {
  try {
    return { messageId, ...idsOfTask(parseDeliveryTask(body)) };
  } catch (error) {
    if (error instanceof TowercastError && error.code === 'task_unreadable') return { messageId };
    throw error;
  }
}
