import { randomUUID } from 'node:crypto';
import { SendMessageBatchCommand, SQSClient } from '@aws-sdk/client-sqs';
import { createApiClient } from '../../local/demo/api-client.ts';
import type { LocalStack } from '../../local/local-stack.ts';
import type { DeliveryTask } from '../../schemas/delivery.ts';
import { madeEvent } from './made-event.ts';
import { endpointsOf, type GroupPlan } from './plan.ts';

/** Functions that events don't pass through, and what makes them work: a little, so that they have met their code. */
export const rarelyUsed = ['TimersFunction', 'DeadLetterFunction', 'ApiFunction'];

const apiReads = 200;
const timerRuns = 120;
const deadLetters = 100;
/** SQS takes no more at once. */
const batchSize = 10;

/** `main` is read about; dead letters are of `late`, whose endpoint gives up after its first attempt. */
export async function useRarelyUsed(stack: LocalStack, main: GroupPlan, late: GroupPlan): Promise<void> {
  await sendDeadLetters(stack, late);
  await readOverApi(stack, main);
  for (let run = 0; run < timerRuns; run += 1) {
    const result = await stack.invoke('TimersFunction', {});
    if (!result.ok) throw new Error(`timers: ${result.error.errorMessage}`);
  }
}

/** What a partner looks at: itself, its endpoints, its events, its deliveries. */
async function readOverApi({ addresses }: LocalStack, group: GroupPlan): Promise<void> {
  const client = createApiClient(addresses);
  const [endpoint] = endpointsOf(group);
  if (endpoint === undefined) throw new Error(`${group.name} has no endpoint`);
  const { partnerId, endpointId } = endpoint;
  const paths = [
    `/v1/partners/${partnerId}`,
    '/v1/endpoints',
    '/v1/events',
    `/v1/endpoints/${endpointId}/deliveries`,
  ];
  for (let read = 0; read < apiReads; read += 1)
    await client.send(partnerId, { method: 'GET', path: paths[read % paths.length] ?? '' });
}

/** As if `deliver` had died on each task as often as the queue gives it. Not waited for. */
async function sendDeadLetters(stack: LocalStack, group: GroupPlan): Promise<void> {
  const client = new SQSClient({ ...stack.aws, endpoint: stack.addresses.sqs });
  const QueueUrl = stack.queues['DeliveryDlq'];
  const [endpoint] = endpointsOf(group);
  if (endpoint === undefined) throw new Error(`${group.name} has no endpoint`);
  const { partnerId, endpointId } = endpoint;
  for (let first = 0; first < deadLetters; first += batchSize) {
    const tasks = Array.from({ length: batchSize }, (_, index): DeliveryTask => ({
      v: 1,
      taskId: randomUUID(),
      partnerId,
      endpointId,
      event: madeEvent(group, first + index, Date.now()),
      attempts: [],
    }));
    await client.send(
      new SendMessageBatchCommand({
        QueueUrl,
        Entries: tasks.map((task, index) => ({
          Id: String(index),
          MessageBody: JSON.stringify(task),
          MessageGroupId: endpointId,
        })),
      }),
    );
  }
  client.destroy();
}
