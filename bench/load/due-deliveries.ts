import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { BatchWriteCommand, DynamoDBDocumentClient, QueryCommand } from '@aws-sdk/lib-dynamodb';
import { forEachAtMost } from '../../functions/shared/concurrency.ts';
import { deliveryItem } from '../../functions/shared/delivery-item.ts';
import { eventItem } from '../../functions/shared/event-item.ts';
import { deliveryId, dueShardName } from '../../functions/shared/keys.ts';
import { TimersEnvSchema } from '../../functions/timers/env.ts';
import type { LocalStack } from '../../local/local-stack.ts';
import { summaryOf, type Attempt, type DeliveryRecord } from '../../schemas/delivery.ts';
import type { DomainEvent } from '../../schemas/event.ts';
import { instantFromMs } from '../../schemas/instant.ts';
import { madeEvent } from './made-event.ts';
import type { GroupPlan, HearingEndpoint } from './plan.ts';

/** Deliveries that failed once and are due, straight in the tables: as after an outage of the timers. */
export interface DueTable {
  /** Every endpoint gets each of `events`: their ids. `book` is told of them before any delivery is there. */
  fill(events: number, book: (eventIds: readonly string[]) => Promise<void>): Promise<void>;
  /** Whether any of them has not been handed out. */
  anyLeft(): Promise<boolean>;
  close(): void;
}

const batchSize = 25;
const concurrentWrites = 8;

export function openDueTable(
  stack: LocalStack,
  group: GroupPlan,
  endpoints: readonly HearingEndpoint[],
): DueTable {
  const settings = TimersEnvSchema.parse(stack.functionEnvironment('TimersFunction'));
  const client = new DynamoDBClient({ ...stack.aws, endpoint: stack.addresses.dynamodb });
  const documents = DynamoDBDocumentClient.from(client, { marshallOptions: { removeUndefinedValues: true } });
  const dueSince = Date.now() - 60_000;
  const options = { dueShards: settings.DUE_SHARDS, retentionDays: 90 };
  const write = async (table: string, items: readonly Record<string, unknown>[]): Promise<void> => {
    const name = stack.tables[table] ?? '';
    const batches = Array.from({ length: Math.ceil(items.length / batchSize) }, (_, index) =>
      items.slice(index * batchSize, (index + 1) * batchSize),
    );
    await forEachAtMost(concurrentWrites, batches, async (batch) => {
      const requests = batch.map((Item) => ({ PutRequest: { Item } }));
      await documents.send(new BatchWriteCommand({ RequestItems: { [name]: requests } }));
    });
  };
  return {
    async fill(events, book) {
      const made = Array.from({ length: events }, (_, index) => madeEvent(group, index, dueSince));
      await book(made.map(({ id }) => id));
      await write(
        'EventsTable',
        made.map((event) => eventItem(event, options.retentionDays)),
      );
      for (const [turn, endpoint] of endpoints.entries())
        await write(
          'DeliveriesTable',
          made.map((event, index) =>
            deliveryItem(recordOf(endpoint, event, dueSince - spread(turn, index)), options),
          ),
        );
    },
    async anyLeft() {
      const shards = Array.from({ length: options.dueShards }, (_, shard) => shard);
      const pages = await Promise.all(
        shards.map((shard) =>
          documents.send(
            new QueryCommand({
              TableName: stack.tables['DeliveriesTable'],
              IndexName: 'due',
              KeyConditionExpression: 'duePk = :shard AND dueAt <= :until',
              ExpressionAttributeValues: {
                ':shard': dueShardName(shard),
                ':until': instantFromMs(dueSince),
              },
              Limit: 1,
            }),
          ),
        ),
      );
      return pages.some(({ Items = [] }) => Items.length > 0);
    },
    close: () => client.destroy(),
  };
}

/** Due over the minute before: of different endpoints in turn, as they would be. Milliseconds. */
const spread = (endpoint: number, event: number): number => (endpoint * 7_919 + event * 104_729) % 60_000;

const failedOnce = (atMs: number): Attempt => ({
  number: 1,
  at: instantFromMs(atMs),
  outcome: 'failed',
  status: 503,
  reason: 'http_503',
  durationMs: 12,
  peerAddress: '127.0.0.1',
  connection: null,
  times: null,
  requestSha256: null,
  responseSha256: null,
  responseExcerpt: null,
});

const recordOf = (
  { partnerId, endpointId }: HearingEndpoint,
  event: DomainEvent,
  atMs: number,
): DeliveryRecord => ({
  id: deliveryId(endpointId, event.receivedAt, event.id),
  partnerId,
  endpointId,
  status: 'pending',
  reason: null,
  event: summaryOf(event),
  attempts: [failedOnce(atMs)],
  taskId: `due-${event.id}`,
  dueAt: instantFromMs(atMs),
  waitsFor: 'time',
  replay: null,
});
