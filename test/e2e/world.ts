import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DynamoDBDocumentClient, paginateScan } from '@aws-sdk/lib-dynamodb';
import { inject } from 'vitest';
import * as z from 'zod';
import { parseDeliveryItem } from '../../functions/shared/delivery-item.ts';
import type { DeliveryRecord } from '../../schemas/delivery.ts';
import { DomainEventSchema, type DomainEvent } from '../../schemas/event.ts';
import type { NetworkFileSchema } from '../../schemas/network.ts';
import { startReceiver, type Inbox, type Receiver } from '../helpers/receiver.ts';
import { startStackProcess, type StackProcess } from '../helpers/stack-process.ts';
import type { StageOverrides } from '../helpers/stage-config.ts';
import { connectTower, type Tower, type TowerOptions } from '../helpers/tower.ts';

export type NetworkInput = z.input<typeof NetworkFileSchema>;

export const secret = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
export const otherSecret = `whsec_${Buffer.alloc(32, 9).toString('base64')}`;

/** An endpoint with the standard contract, as a network file has it. */
export const standardEndpoint = (endpointId: string, url: string, partnerId = 'acme') => ({
  endpointId,
  partnerId,
  url,
  contract: 'standard' as const,
  secret,
});

const BodySchema = z.object({ type: z.string() });

/** The types of the events that came, in order of arrival. */
export const typesHeard = ({ requests }: Inbox): string[] =>
  requests.map(({ body }) => BodySchema.parse(JSON.parse(body.toString())).type);

/** A running stack with its partners' receiver and its towers, and what an operator may look at. */
export interface World extends AsyncDisposable {
  stack: StackProcess;
  receiver: Receiver;
  tower(towerId: string, options?: Partial<TowerOptions>): Promise<Tower>;
  events(): Promise<DomainEvent[]>;
  deliveries(): Promise<DeliveryRecord[]>;
  /** Items of the entities table whose `kind` is this one, unparsed. */
  entities(kind: string): Promise<Record<string, unknown>[]>;
  /** Everything in a table, unparsed, by its logical name. */
  items(table: string): Promise<Record<string, unknown>[]>;
  /** SIGKILL to the whole stack, then a start on the same data. */
  crashAndRestart(): Promise<void>;
}

export interface WorldOptions {
  network: (receiver: Receiver) => NetworkInput;
  /** Deploys another stage than the shared one. */
  stageConfig?: StageOverrides;
}

export async function startWorld({ network, stageConfig }: WorldOptions): Promise<World> {
  const folder = await mkdtemp(join(tmpdir(), 'towercast-e2e-'));
  const receiver = await startReceiver();
  const file = join(folder, 'network.json');
  await writeFile(file, JSON.stringify(network(receiver)));
  const start = (dataDir?: string) =>
    startStackProcess({
      args: [
        '--network',
        file,
        ...(stageConfig === undefined ? [] : ['--stage-config', JSON.stringify(stageConfig)]),
      ],
      ...(stageConfig === undefined ? { assembly: inject('assembly') } : {}),
      ...(dataDir === undefined ? {} : { dataDir }),
    });
  let stack = await start();
  const towers: Tower[] = [];

  const scan = async (table: string): Promise<Record<string, unknown>[]> => {
    const client = DynamoDBDocumentClient.from(
      new DynamoDBClient({
        endpoint: stack.ready.dynamodb,
        region: 'us-east-1',
        credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
      }),
    );
    const items: Record<string, unknown>[] = [];
    for await (const page of paginateScan(
      { client },
      { TableName: stack.ready.tables[table], ConsistentRead: true },
    ))
      items.push(...(page.Items ?? []));
    client.destroy();
    return items;
  };

  return {
    get stack() {
      return stack;
    },
    receiver,
    async tower(towerId, options = {}) {
      const tower = await connectTower({ url: stack.ready.mqtt, towerId, ...options });
      towers.push(tower);
      return tower;
    },
    events: async () => (await scan('EventsTable')).map((item) => DomainEventSchema.parse(item)),
    // Beside the deliveries, the table holds the partners' logs and the lanes' state.
    deliveries: async () =>
      (await scan('DeliveriesTable')).filter((item) => 'attempts' in item).map(parseDeliveryItem),
    entities: async (kind) => (await scan('EntitiesTable')).filter((item) => item['kind'] === kind),
    items: scan,
    async crashAndRestart() {
      await stack.kill('SIGKILL');
      stack = await start(stack.dataDir);
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(towers.map((tower) => tower.disconnect()));
      await stack.stop();
      await receiver.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
