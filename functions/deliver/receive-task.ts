import type { DeliveryTask } from '../../schemas/delivery.ts';
import { parseDeliveryMessage } from '../shared/delivery-task.ts';
import type { EndpointDirectory } from '../shared/endpoint-directory.ts';

/** The task of a message; what its sender knew of the endpoint is remembered. Throws TowercastError `task_unreadable`. */
export function receiveTask(
  { endpoints }: { endpoints: Pick<EndpointDirectory, 'learn'> },
  body: string,
): DeliveryTask {
  const { task, told } = parseDeliveryMessage(body);
  endpoints.learn(told);
  return task;
}
