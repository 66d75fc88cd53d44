import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { DeleteCommand, DynamoDBDocumentClient, PutCommand } from '@aws-sdk/lib-dynamodb';
import { healthyEndpoint } from '../../functions/domain/endpoint-health.ts';
import { deliveryItem } from '../../functions/shared/delivery-item.ts';
import { formatDeliveryTask } from '../../functions/shared/delivery-task.ts';
import { healthItem } from '../../functions/shared/endpoint-health.ts';
import { entityItem } from '../../functions/shared/entity-item.ts';
import type { LocalStack } from '../../local/local-stack.ts';
import { loadNetwork } from '../../local/network/load.ts';
import { startStack } from '../../local/stack.ts';
import type { DeliveryTask } from '../../schemas/delivery.ts';
import type { EndpointHealth } from '../../schemas/endpoint-health.ts';
import { instantFromMs } from '../../schemas/instant.ts';
import { NetworkFileSchema } from '../../schemas/network.ts';
import { makeAttempts, makeEvent, makeRecord, makeRedrive, makeTask } from '../helpers/deliveries.ts';
import { signIn } from '../helpers/api-client.ts';
import { metricsOfLine, type EmittedMetric } from '../helpers/metrics.ts';
import { startReceiver, type Receiver } from '../helpers/receiver.ts';
import { waitFor } from '../helpers/stack-process.ts';
import { connectTower, type Tower } from '../helpers/tower.ts';
import { secret, standardEndpoint } from './world.ts';

const towerId = '0000000000000001';
const dueShards = 8;
const retentionDays = 90;
const endpointIds = ['good', 'flaky', 'down', 'hopeless'];

/** A stack in this process, with a hand on what its functions read. */
class Scene {
  readonly printed: EmittedMetric[];
  readonly stack: LocalStack;
  readonly receiver: Receiver;
  readonly tower: Tower;
  readonly #documents: DynamoDBDocumentClient;
  readonly #sqs: SQSClient;
  #tasks = 0;

  constructor(printed: EmittedMetric[], stack: LocalStack, receiver: Receiver, tower: Tower) {
    this.printed = printed;
    this.stack = stack;
    this.receiver = receiver;
    this.tower = tower;
    const { aws, addresses } = stack;
    this.#documents = DynamoDBDocumentClient.from(
      new DynamoDBClient({ ...aws, endpoint: addresses.dynamodb }),
    );
    this.#sqs = new SQSClient({ ...aws, endpoint: addresses.sqs });
  }

  close(): void {
    this.#documents.destroy();
    this.#sqs.destroy();
  }

  /** Does something, again and again until these metrics of a function were printed. */
  async until(
    service: string,
    names: readonly string[],
    work: () => unknown = () => undefined,
  ): Promise<void> {
    const missing = () =>
      names.filter(
        (name) => !this.printed.some((one) => one.name === name && one.dimensions === `service=${service}`),
      );
    await waitFor(
      async () => {
        if (missing().length === 0) return true;
        await work();
        return undefined;
      },
      { timeoutMs: 60_000, describe: () => `${missing().join(', ')} of ${service}` },
    );
  }

  opened = async () => this.tower.publish({ type: 'locker.opened', locker: 1 });

  /** Each run hands out into what nobody has of its minute: here all of it is always free. */
  runTimers = async () => {
    const Key = { pk: 'timers#window', sk: 'window' };
    await this.#documents.send(new DeleteCommand({ TableName: this.stack.tables['EntitiesTable'], Key }));
    await this.stack.invoke('TimersFunction', {});
  };

  async put(table: string, Item: Record<string, unknown>): Promise<void> {
    await this.#documents.send(new PutCommand({ TableName: this.stack.tables[table], Item }));
  }

  async putHealth(endpointId: string, overrides: Partial<EndpointHealth>): Promise<void> {
    const health = { ...healthyEndpoint({ partnerId: 'acme', endpointId }), version: 1_000, ...overrides };
    await this.put('EntitiesTable', healthItem(health, Date.now(), dueShards));
  }

  async send(queue: string, body: DeliveryTask | string): Promise<void> {
    await this.#sqs.send(
      new SendMessageCommand({
        QueueUrl: this.stack.queues[queue],
        MessageBody: typeof body === 'string' ? body : formatDeliveryTask(body),
        MessageGroupId: 'x',
      }),
    );
  }

  /** Of `good`, with an event that no table has. */
  task(overrides: Partial<DeliveryTask> = {}, receivedMs = Date.now()): DeliveryTask {
    this.#tasks += 1;
    const id = `evt_${towerId}-9_mmykbvk0_made-${this.#tasks}`;
    const event = makeEvent({ id, receivedAt: instantFromMs(receivedMs) });
    return makeTask({ taskId: `task-${this.#tasks}`, endpointId: 'good', event, ...overrides });
  }
}

/**
 * Brings about what alarms and the dashboard look at, as far as that takes seconds, on a stack of its own. Gives every metric
 * that its functions printed.
 */
export async function playMetrics(assembly: string): Promise<EmittedMetric[]> {
  await using resources = new AsyncDisposableStack();
  const scene = await openScene(assembly, resources);
  await troubleIngest(scene);
  await troubleFanOut(scene);
  await troubleDeliver(scene);
  await troubleDeadLetter(scene);
  await troubleTimers(scene);
  await troubleEndpoints(scene);
  await callApi(scene);
  return scene.printed;
}

async function openScene(assembly: string, resources: AsyncDisposableStack): Promise<Scene> {
  const printed: EmittedMetric[] = [];
  const folder = await mkdtemp(path.join(tmpdir(), 'towercast-metrics-'));
  resources.defer(async () => rm(folder, { recursive: true, force: true }));
  const receiver = await startReceiver();
  resources.defer(async () => receiver.close());
  const stack = await startStack({
    dataDir: path.join(folder, 'data'),
    mqttPort: 0,
    httpPort: 0,
    assembly,
    log: () => undefined,
    onMetrics: (line) => printed.push(...metricsOfLine(line)),
  });
  resources.defer(async () => stack.stop());
  for (const endpointId of endpointIds) receiver.expect(`/${endpointId}`, { secret });
  const network = {
    towers: [{ towerId, partnerIds: ['acme', 'odd'], lockers: [{ locker: 1 }] }],
    partners: [{ partnerId: 'acme', clientIds: ['acme-backend'] }, { partnerId: 'odd' }],
    endpoints: endpointIds.map((id) => standardEndpoint(id, receiver.url(`/${id}`))),
  };
  await loadNetwork(stack, NetworkFileSchema.parse(network));
  const tower = await connectTower({ url: stack.addresses.mqtt, towerId });
  resources.defer(async () => tower.disconnect());
  const scene = new Scene(printed, stack, receiver, tower);
  resources.defer(() => scene.close());
  return scene;
}

async function troubleIngest(scene: Scene): Promise<void> {
  const message = await scene.opened();
  await scene.tower.publishRaw('no JSON');
  await scene.until('ingest', ['EventsCommitted', 'MessagesQuarantined']);
  await scene.until('ingest', ['EventsRepeated'], async () => scene.tower.send(message));
  // This one never comes.
  scene.tower.stamp({ type: 'locker.opened', locker: 1 });
  await scene.until('ingest', ['GapsDetected', 'OldestGapSeconds'], async () =>
    scene.tower.publish({ type: 'tower.heartbeat' }),
  );
}

async function troubleFanOut(scene: Scene): Promise<void> {
  const endpoint = { pk: 'partner#odd', sk: 'endpoint#odd', kind: 'endpoint', endpointId: 'odd' };
  await scene.put('EntitiesTable', endpoint);
  await scene.put('EventsTable', { pk: 'unreadable', sk: 'unreadable', type: 'unheard.of' });
  const names = ['EventsFannedOut', 'TasksSent', 'EventsQuarantined', 'EndpointsUnreadable'];
  await scene.until('fan-out', names, scene.opened);
}

async function troubleDeliver(scene: Scene): Promise<void> {
  await scene.until('deliver', ['DeliveriesDelivered', 'PublishToReceiptMs'], scene.opened);
  scene.receiver.expect('/flaky', { secret, behaviour: [{ status: 500 }, { status: 204 }] });
  await scene.until('deliver', ['AttemptsFailed'], scene.opened);
  await scene.send('DeliveryQueue', '{"poison":true}');
  const leasedUntil = instantFromMs(Date.now() - 60_000);
  await scene.send('DeliveryQueue', scene.task({ leasedUntil }));
  await scene.send('DeliveryQueue', scene.task({ endpointId: 'nobody' }));
  scene.receiver.expect('/flaky', { secret, behaviour: { status: 500 } });
  await scene.send('DeliveryQueue', scene.task({ endpointId: 'flaky', attempts: makeAttempts(9) }));
  await scene.until('deliver', ['TasksFailed', 'LeasesOver', 'DeliveriesDead', 'DeliveriesWithoutEndpoint']);
  scene.receiver.expect('/flaky', { secret });
  // On the queue of the live only what is known to be well is tried.
  await scene.until('deliver', ['FirstAttemptsLate'], async () =>
    scene.send('DeliveryQueue', scene.task({}, Date.now() - 120_000)),
  );
}

async function troubleDeadLetter(scene: Scene): Promise<void> {
  await scene.send('DeliveryDlq', scene.task());
  await scene.send('DeliveryDlq', scene.task({ attempts: makeAttempts(40) }));
  await scene.send('DeliveryDlq', '{"poison":true}');
  await scene.until('dead-letter', ['DeliveriesRescheduled', 'DeliveriesDead', 'TasksQuarantined']);
}

async function troubleTimers(scene: Scene): Promise<void> {
  const nowMs = Date.now();
  const now = instantFromMs(nowMs);
  // Its event is nowhere: it is given up.
  const record = makeRecord({ endpointId: 'good', event: scene.task().event, dueAt: now });
  await scene.put('DeliveriesTable', deliveryItem(record, { dueShards, retentionDays }));
  await scene.put('EntitiesTable', entityItem(overdueCommand, dueShards));
  const since = instantFromMs(nowMs - 86_400_000);
  const redrive = makeRedrive({ endpointId: 'good', source: 'events', since }, now);
  await scene.put('EntitiesTable', entityItem(redrive, dueShards));
  for (const duePk of ['due#0', 'health#0', 'redrive#0'])
    await scene.put('EntitiesTable', unreadable(duePk, nowMs));
  await scene.put('DeliveriesTable', unreadable('due#0', nowMs));
  const done = ['EntitiesDue', 'EventsCommitted', 'DeliveriesDue', 'DeliveriesDead', 'DeliveriesRedriven'];
  const failed = ['EntitiesDueFailed', 'DeliveriesDueFailed', 'EndpointsFailed', 'RedrivesFailed'];
  await scene.until('timers', [...done, ...failed], scene.runTimers);
}

/** Due a minute ago, and nothing that any release could read. */
const unreadable = (duePk: string, nowMs: number) => ({
  pk: 'good#2026-03-20',
  sk: `unreadable ${duePk}`,
  duePk,
  dueAt: instantFromMs(nowMs - 60_000),
  kind: 'unreadable',
});

/** The tower never told what became of it. */
const overdueCommand = {
  kind: 'command' as const,
  commandId: 'overdue',
  partnerId: 'acme',
  towerId,
  locker: 1,
  requestId: 1,
  tokenId: 1,
  sentAt: '2026-03-20T09:15:00.000Z',
  expiresAt: '2026-03-20T09:16:00.000Z',
  outcome: null,
  reason: null,
  settledAt: null,
  dueAt: '2026-03-20T09:16:15.000Z',
  version: 1,
};

const failing = { failures: 9, breaker: 'open', lastReason: 'http_500', openings: 1 } as const;

async function troubleEndpoints(scene: Scene): Promise<void> {
  const now = instantFromMs(Date.now());
  const longAgo = instantFromMs(Date.now() - 6 * 86_400_000);
  await scene.putHealth('hopeless', {
    ...failing,
    failingSince: longAgo,
    countedSince: longAgo,
    lastFailureAt: now,
    openedAt: longAgo,
    openUntil: now,
    dueAt: now,
  });
  await scene.until('timers', ['EndpointsDisabled'], scene.runTimers);
  await scene.until('deliver', ['DeliveriesHeld', 'DeliveriesHeldUnasked'], scene.opened);
  const soon = instantFromMs(Date.now() + 3_000);
  await scene.putHealth('down', {
    ...failing,
    failingSince: now,
    countedSince: now,
    lastFailureAt: now,
    openedAt: now,
    openUntil: soon,
    dueAt: soon,
  });
  await scene.until('deliver', ['DeliveriesParked'], scene.opened);
  await scene.until('timers', ['DeliveriesDrained'], scene.runTimers);
}

async function callApi(scene: Scene): Promise<void> {
  const partner = await signIn(scene.stack.addresses, 'acme-backend', 'partner');
  await scene.until('api', ['EventsCommitted'], async () =>
    partner.call('POST', '/v1/locker-open-requests', { body: { towerId, flow: 'dropoff' } }),
  );
}
