import { kill } from 'node:process';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { GetQueueAttributesCommand, SetQueueAttributesCommand, SQSClient } from '@aws-sdk/client-sqs';
import { BatchWriteCommand, DynamoDBDocumentClient, PutCommand } from '@aws-sdk/lib-dynamodb';
import type { LocalStack } from '../../local/local-stack.ts';
import { startStack } from '../../local/stack.ts';
import { startReceiver, type Receiver } from '../helpers/receiver.ts';
import type { StageOverrides } from '../helpers/stage-config.ts';
import { Aliases } from './aliases.ts';
import { tagsIn } from './call.ts';
import { ownersOf } from './connection-owner.ts';
import { FaultPlan } from './fault-plan.ts';
import { startFaultProxy, type FaultProxy } from './fault-proxy.ts';
import { LostAndFound } from './lost-and-found.ts';
import { Storage, type CaseState } from './storage.ts';

/** The product as it is, with short schedules, and few retries before something rests where an operator finds it. */
const stageConfig: StageOverrides = {
  dueShards: 2,
  fanOut: { maxRetryAttempts: 3, batchSize: 10 },
  delivery: {
    scheduleSeconds: [0, 1, 1, 1, 1, 2, 2, 2],
    // Nobody reads while the API's processes are killed one after the other: it must not give up before.
    pointerScheduleSeconds: [0, 1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 5, 5, 5, 5, 5, 5, 5, 5],
    maxDelaySeconds: 2,
    attemptTimeoutMs: 1_000,
    timeoutSeconds: 6,
    maxReceiveCount: 3,
    endpointCacheSeconds: 0,
    breaker: { failures: 3, openSeconds: 2, maxOpenSeconds: 4 },
  },
  redrive: { settleSeconds: 1 },
  lockerOpen: { linkHours: 24, commandSeconds: 1 },
  timers: { timeoutSeconds: 10, leaseSeconds: 17 },
};

/** Instead of six times the functions' timeouts: what a killed function had in hands comes back sooner. */
const visibilitySeconds = 8;
/** As in AWS, a turn in a lane is over before its task is given again: it lasts ten seconds longer than an attempt. */
const orderedVisibilitySeconds = 12;

export const functions = [
  'IngestFunction',
  'FanOutFunction',
  'DeliverFunction',
  'DeadLetterFunction',
  'TimersFunction',
  'ApiFunction',
];

/** The whole stack in this process, with a proxy before each function's calls and before the partners. */
export interface FaultWorld extends AsyncDisposable {
  readonly stack: LocalStack;
  readonly plan: FaultPlan;
  readonly receiver: Receiver;
  readonly documents: DynamoDBDocumentClient;
  readonly sqs: SQSClient;
  /** What an operator finds beside the tables. */
  readonly lost: LostAndFound;
  readonly logs: string[];
  /** What the proxies failed at themselves. */
  readonly errors: readonly string[];
  /** Names a case in what its name is not in. */
  alias(text: string, tag: string): void;
  /** URL of a partner, on which faults can happen. */
  partnerUrl(path: string): string;
  /** What the tables hold of a case, as it was within two seconds. */
  state(tag: string): CaseState;
  /** Takes what cases that have ended have left out of the tables. */
  cleanUp(tags: ReadonlySet<string>): Promise<void>;
  /** Whether a lane of the case's endpoint stands still, and an alarm tells of it. */
  isHeldUp(tag: string): boolean;
  /** Messages on a queue, those in flight and delayed included. */
  depth(queue: string): Promise<number>;
}

export async function startFaultWorld(assembly?: string): Promise<FaultWorld> {
  await using starting = new AsyncDisposableStack();
  await removeLeftFolders();
  const folder = await mkdtemp(join(tmpdir(), `${folderPrefix}${process.pid}-`));
  starting.defer(() => rm(folder, { recursive: true, force: true }));
  const receiver = await startReceiver();
  starting.defer(() => receiver.close());
  const plan = new FaultPlan();
  const names = new Map<string, string>();
  const aliases = new Aliases();
  const logs: string[] = [];
  const heldUp = new Set<string>();
  const errors: string[] = [];
  const running: { stack?: LocalStack } = {};
  const killCaller = (name: string, port: number): boolean => {
    const callers = ownersOf(port, running.stack?.functionPids(name) ?? []);
    for (const pid of callers) kill(pid, 'SIGKILL');
    return callers.length > 0;
  };
  const openProxy = async (name: string): Promise<FaultProxy> => {
    const proxy = await startFaultProxy({
      function: name,
      plan,
      names,
      aliases,
      kill: killCaller,
      onError: (what) => errors.push(what),
    });
    starting.defer(() => proxy.close());
    return proxy;
  };
  const proxies = new Map<string, FaultProxy>();
  for (const name of functions) proxies.set(name, await openProxy(name));
  // Only deliver talks to partners.
  const partners = await openProxy('DeliverFunction');
  partners.targets.set('Partner', receiver.origin);

  const stack = await startStack({
    dataDir: join(folder, 'data'),
    mqttPort: 0,
    httpPort: 0,
    ...(assembly === undefined ? { stageConfig: JSON.stringify(stageConfig) } : { assembly }),
    functionEnvironment: (name, usual) => throughProxy(proxies.get(name), name, usual),
    log: (line) => {
      logs.push(`${new Date().toISOString()} ${line}`);
      if (line.includes('"lane held up"')) for (const tag of tagsIn(line)) heldUp.add(tag);
    },
  });
  running.stack = stack;
  starting.defer(() => stack.stop());
  for (const [id, name] of Object.entries(stack.tables)) names.set(name, id);
  for (const [id, url] of Object.entries(stack.queues)) names.set(url.split('/').at(-1) ?? '', id);

  const { sqs, documents } = openClients(stack);
  starting.defer(() => {
    sqs.destroy();
    documents.destroy();
  });
  const storage = new Storage(stack.addresses.dynamodb, stack.tables);
  await shortenVisibility(stack, sqs);
  const lost = new LostAndFound({ stack, sqs, plan });
  const watching = watch({ stack, documents, storage, lost, errors });
  starting.defer(() => watching.stop());
  const resources = starting.move();
  return {
    stack,
    plan,
    receiver,
    documents,
    sqs,
    lost,
    logs,
    errors,
    alias: (text, tag) => aliases.add(text, tag),
    partnerUrl: (path) => `${partners.origin}${path}`,
    state: (tag) => storage.state(tag),
    cleanUp: async (tags) => {
      for (const [table, keys] of storage.keysOf(tags))
        await removeItems(documents, stack.tables[table], keys);
    },
    isHeldUp: (tag) => heldUp.has(tag),
    depth: (queue) => depthOf(sqs, stack.queues[queue] ?? ''),
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}

const folderPrefix = 'towercast-faults-';

/** Of runs that were ended by force, and could remove nothing. Their process is in the name. */
async function removeLeftFolders(): Promise<void> {
  for (const name of await readdir(tmpdir())) {
    const pid = new RegExp(`^${folderPrefix}(\\d+)-`).exec(name)?.[1];
    if (pid !== undefined && !isRunning(Number(pid)))
      await rm(join(tmpdir(), name), { recursive: true, force: true });
  }
}

function isRunning(pid: number): boolean {
  try {
    return kill(pid, 0);
  } catch {
    return false;
  }
}

/** Everything that a function is told of its engines leads to its proxy. */
function throughProxy(
  proxy: FaultProxy | undefined,
  name: string,
  usual: Readonly<Record<string, string>>,
): Record<string, string> {
  if (proxy === undefined) throw new Error(`${name} has no fault proxy: name it in fault-world.ts`);
  const { AWS_ENDPOINT_URL_DYNAMODB: dynamodb = '', AWS_ENDPOINT_URL_SQS: sqs = '' } = usual;
  proxy.targets.set('DynamoDB', dynamodb).set('SQS', sqs);
  proxy.targets.set('KMS', usual['AWS_ENDPOINT_URL_KMS'] ?? '');
  proxy.targets.set('IoT', usual['AWS_ENDPOINT_URL_IOT_DATA_PLANE'] ?? '');
  const changed = Object.entries(usual).map(([key, value]): [string, string] => [
    key,
    // The SDK sends to the host of a queue's URL, whatever its endpoint is.
    key.startsWith('AWS_ENDPOINT_URL_') ? proxy.origin : value.replace(sqs, proxy.origin),
  ]);
  return Object.fromEntries(changed);
}

function openClients({ aws, addresses }: LocalStack) {
  const sqs = new SQSClient({ ...aws, endpoint: addresses.sqs });
  const documents = DynamoDBDocumentClient.from(new DynamoDBClient({ ...aws, endpoint: addresses.dynamodb }));
  return { sqs, documents };
}

/** BatchWriteItem. */
const maxBatchItems = 25;

async function removeItems(
  documents: DynamoDBDocumentClient,
  table: string | undefined,
  keys: readonly Readonly<Record<string, string>>[],
): Promise<void> {
  for (let start = 0; start < keys.length; start += maxBatchItems) {
    const requests = keys.slice(start, start + maxBatchItems).map((Key) => ({ DeleteRequest: { Key } }));
    await documents.send(new BatchWriteCommand({ RequestItems: { [table ?? '']: requests } }));
  }
}

async function shortenVisibility({ queues }: LocalStack, sqs: SQSClient): Promise<void> {
  for (const [id, QueueUrl] of Object.entries(queues))
    if (id.includes('Deliver'))
      await sqs.send(
        new SetQueueAttributesCommand({
          QueueUrl,
          Attributes: {
            VisibilityTimeout: String(
              id === 'OrderedDeliveryQueue' ? orderedVisibilitySeconds : visibilitySeconds,
            ),
          },
        }),
      );
}

const depths = [
  'ApproximateNumberOfMessages',
  'ApproximateNumberOfMessagesNotVisible',
  'ApproximateNumberOfMessagesDelayed',
] as const;

async function depthOf(sqs: SQSClient, QueueUrl: string): Promise<number> {
  const { Attributes = {} } = await sqs.send(
    new GetQueueAttributesCommand({ QueueUrl, AttributeNames: [...depths] }),
  );
  return depths.reduce((sum, name) => sum + Number(Attributes[name] ?? 0), 0);
}

interface Watched {
  readonly stack: LocalStack;
  readonly documents: DynamoDBDocumentClient;
  readonly storage: Storage;
  readonly lost: LostAndFound;
  readonly errors: string[];
}

/** Between two readings of the tables, at least: and longer than each takes, which the cases would have to wait for. */
const watchMs = 800;
/** Between two runs of the timers. */
const tickMs = 400;

/** Reads the tables for all cases at once, does an operator's work, and runs the timers more often than each minute. */
function watch({ stack, documents, storage, lost, errors }: Watched) {
  const stopping = new AbortController();
  const loop = async (pauseMs: number, work: () => Promise<unknown>) => {
    while (!stopping.signal.aborted) {
      const startedAt = performance.now();
      await work().catch((error: unknown) => errors.push(`watching failed: ${String(error)}`));
      await wait(Math.max(pauseMs, performance.now() - startedAt));
    }
  };
  const loops = [
    loop(watchMs, async () => {
      await storage.read();
      await lost.look();
    }),
    loop(tickMs, async () => {
      // Each run hands out into what nobody has of its minute: here the run before has had its minute already.
      const Item = { pk: 'timers#window', sk: 'window', until: new Date(Date.now() - 1_000).toISOString() };
      await documents.send(new PutCommand({ TableName: stack.tables['EntitiesTable'], Item }));
      await stack.invoke('TimersFunction', {});
    }),
  ];
  return {
    stop: async () => {
      stopping.abort();
      await Promise.all(loops);
    },
  };
}
