import { ReceiveMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { startFauxqs, type FauxqsServer } from 'fauxqs';
import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  createSqsClient,
  type SendMessageBatchInput,
  type SqsClient,
} from '../../../functions/shared/aws/sqs.ts';
import {
  formatDeliveryTask,
  parseDeliveryMessage,
  parseDeliveryTask,
} from '../../../functions/shared/delivery-task.ts';
import {
  channelByUrl,
  createTaskSender,
  packBatches,
  type OutgoingTask,
} from '../../../functions/shared/queue.ts';
import {
  makeAttempt,
  makeAttempts,
  makeEndpoint,
  makeEvent,
  makeEvents,
  makeTask,
} from '../../helpers/deliveries.ts';

let engine: FauxqsServer;
let sqs: SQSClient;
let ours: SqsClient;
let queues = 0;
beforeAll(async () => {
  engine = await startFauxqs({ port: 0, logger: false, host: '127.0.0.1' });
  sqs = new SQSClient(place());
  ours = createSqsClient(place());
});
const place = () => ({
  endpoint: engine.address,
  region: 'eu-central-1',
  credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
});
/** A sender's client, and what is asked of it. */
const observed = (look: (entries: SendMessageBatchInput['Entries']) => void): SqsClient => {
  const client = createSqsClient(place());
  return {
    ...client,
    async sendMessageBatch(input) {
      look(input.Entries);
      return client.sendMessageBatch(input);
    },
  };
};
afterAll(async () => {
  sqs.destroy();
  ours.destroy();
  await engine.stop();
});

const tasksOf = (count: number, delaySeconds = 0): OutgoingTask[] =>
  makeEvents(count).map((event, index) => ({
    task: makeTask({ event, taskId: `task-${index}` }),
    delaySeconds,
  }));

const inLane = (taskId: string, locker: number): OutgoingTask => ({
  task: makeTask({ taskId, event: makeEvent({ id: `evt_t-${locker}_mmykbvk0_${taskId}-1` }) }),
  delaySeconds: 0,
  via: 'ordered',
});

/** A queue of its own, its sender, and how many entries each request to it had. */
function makeQueue() {
  queues += 1;
  const name = `delivery-${queues}`;
  const { queueUrl } = engine.createQueue(name, { region: 'eu-central-1' });
  const requests: number[] = [];
  // The engine keeps no group of a message on a standard queue, so this looks at what was asked of it.
  const groups: (string | undefined)[] = [];
  const client = observed((entries) => {
    requests.push(entries.length);
    groups.push(...entries.map(({ MessageGroupId }) => MessageGroupId));
  });
  return {
    name,
    queueUrl,
    requests,
    groups,
    sender: createTaskSender({ sqs: client, queues: { live: queueUrl } }),
  };
}

const inQueue = (name: string) => {
  const { ready = [], delayed = [] } = engine.inspectQueue(name)?.messages ?? {};
  return { ready, delayed };
};

describe('sent tasks', () => {
  it('arrive as they were, in the group of their endpoint', async () => {
    const { queueUrl, groups, sender } = makeQueue();
    const task = makeTask({ endpointId: 'second', attempts: makeAttempts(2) });
    await sender.send([{ task, delaySeconds: 0 }]);
    expect(groups).toEqual(['second']);
    const { Messages = [] } = await sqs.send(new ReceiveMessageCommand({ QueueUrl: queueUrl }));
    expect(Messages.map(({ Body = '' }) => parseDeliveryTask(Body))).toEqual([task]);
  });

  it('go over the queue that they are meant for, those of one lane in one group of their own', async () => {
    const live = makeQueue();
    const entries: SendMessageBatchInput['Entries'] = [];
    const { queueUrl: slow } = engine.createQueue('slow', { region: 'eu-central-1' });
    const { queueUrl: ordered } = engine.createQueue('lanes.fifo', {
      region: 'eu-central-1',
      attributes: { FifoQueue: 'true' },
    });
    const client = observed((asked) => void entries.push(...asked));
    const sender = createTaskSender({ sqs: client, queues: { live: live.queueUrl, slow, ordered } });
    const [first, second, elsewhere] = [
      makeTask({ taskId: 'a', event: makeEvent({ id: 'evt_t-9_mmykbvk0_b7-1' }) }),
      makeTask({ taskId: 'b', event: makeEvent({ id: 'evt_t-9_mmykbvk1_b7-2' }) }),
      makeTask({ taskId: 'c', event: makeEvent({ id: 'evt_t-10_mmykbvk1_b7-3' }) }),
    ] as const;
    await sender.send([
      { task: first, delaySeconds: 0, via: 'ordered' },
      { task: makeTask({ taskId: 's' }), delaySeconds: 3, via: 'slow' },
      { task: second, delaySeconds: 0, via: 'ordered' },
      { task: elsewhere, delaySeconds: 0, via: 'ordered' },
    ]);
    expect(inQueue('slow').delayed).toHaveLength(1);
    const [one, three, two] = entries.filter(
      ({ MessageDeduplicationId }) => MessageDeduplicationId !== undefined,
    );
    expect([one, three, two].map((entry) => entry?.MessageDeduplicationId)).toEqual(['a', 'c', 'b']);
    expect(one?.MessageGroupId).toMatch(/^main-[\w-]{22}$/);
    expect(two?.MessageGroupId).toBe(one?.MessageGroupId);
    expect(three?.MessageGroupId).not.toBe(one?.MessageGroupId);
    // A FIFO queue refuses a delay of a single message.
    expect(one).not.toHaveProperty('DelaySeconds');
  });

  it('of a lane wait for the one before, and stay unsent when it was refused', async () => {
    const { queueUrl: live } = engine.createQueue('live-of-refused', { region: 'eu-central-1' });
    const { queueUrl: ordered } = engine.createQueue('refused.fifo', {
      region: 'eu-central-1',
      attributes: { FifoQueue: 'true' },
    });
    const rounds: (string | undefined)[][] = [];
    const client: SqsClient = {
      ...ours,
      async sendMessageBatch({ QueueUrl, Entries }) {
        rounds.push(Entries.map(({ MessageDeduplicationId }) => MessageDeduplicationId));
        const refused = Entries.filter(({ MessageDeduplicationId }) => MessageDeduplicationId === 'a1');
        const accepted = Entries.filter((entry) => !refused.includes(entry));
        const { Successful } = await ours.sendMessageBatch({ QueueUrl, Entries: accepted });
        const Failed = refused.map(({ Id = '' }) => ({ Id, Code: 'Nope', SenderFault: true }));
        return { Successful, Failed };
      },
    };
    const sender = createTaskSender({ sqs: client, queues: { live, ordered } });
    const sent = ['a1', 'b1', 'a2', 'b2', 'a3'].map((name) =>
      sender.send([inLane(name, name.startsWith('a') ? 1 : 2)]),
    );
    expect((await Promise.allSettled(sent)).map(({ status }) => status)).toEqual([
      'rejected',
      'fulfilled',
      'rejected',
      'fulfilled',
      'rejected',
    ]);
    expect(rounds).toEqual([['a1', 'b1'], ['b2']]);
  });

  it('are told apart by the queue that gives them', () => {
    const channelOf = channelByUrl({
      live: 'https://sqs.eu-central-1.amazonaws.com/123456789012/Stack-DeliveryQueue-X',
      slow: 'https://sqs.eu-central-1.amazonaws.com/123456789012/Stack-SlowDeliveryQueue-Y',
      ordered: 'https://sqs.eu-central-1.amazonaws.com/123456789012/Stack-Ordered-Z.fifo',
    });
    const arn = 'arn:aws:sqs:eu-central-1:123456789012:';
    expect(channelOf(`${arn}Stack-DeliveryQueue-X`)).toBe('live');
    expect(channelOf(`${arn}Stack-SlowDeliveryQueue-Y`)).toBe('slow');
    expect(channelOf(`${arn}Stack-Ordered-Z.fifo`)).toBe('ordered');
  });

  it('wait for their delay', async () => {
    const { name, sender } = makeQueue();
    await sender.send([...tasksOf(1, 900), ...tasksOf(1, 0)]);
    expect(inQueue(name)).toMatchObject({ ready: [{}], delayed: [{}] });
  });

  it('share requests of ten, whoever sends them at the same time', async () => {
    const { name, requests, sender } = makeQueue();
    await Promise.all([sender.send(tasksOf(7)), sender.send(tasksOf(7)), sender.send(tasksOf(7))]);
    expect(requests).toEqual([10, 10, 1]);
    expect(inQueue(name).ready).toHaveLength(21);
  });

  it('of any size that a task may have go through, though a request holds 1 MiB', async () => {
    const { name, requests, sender } = makeQueue();
    const attempts = [makeAttempt({ responseExcerpt: 'ä'.repeat(100_000) })];
    await sender.send(
      tasksOf(9).map(({ task }) => ({ task: makeTask({ ...task, attempts }), delaySeconds: 0 })),
    );
    expect(requests).toEqual([5, 4]);
    expect(inQueue(name).ready).toHaveLength(9);
  });

  it('none at all make no request', async () => {
    const { requests, sender } = makeQueue();
    await sender.send([]);
    expect(requests).toEqual([]);
  });

  it('fail when the queue is not there', async () => {
    const { queueUrl } = makeQueue();
    const sender = createTaskSender({ sqs: ours, queues: { live: `${queueUrl}-gone` } });
    await expect(sender.send(tasksOf(1))).rejects.toMatchObject({ code: 'task_not_sent' });
  });
});

/** A client whose answers are made up: `failures` gives the codes of the failing entries of each request. */
function makeSender(failures: (entry: { body: string; request: number }) => 'retry' | 'refuse' | null) {
  let request = 0;
  const attempted: string[][] = [];
  const client: SqsClient = {
    destroy() {},
    async sendMessageBatch({ Entries }) {
      request += 1;
      attempted.push(Entries.map(({ MessageBody = '' }) => parseDeliveryTask(MessageBody).taskId));
      const Failed = Entries.flatMap(({ Id = '', MessageBody = '' }) => {
        const failure = failures({ body: MessageBody, request });
        return failure === null ? [] : [{ Id, Code: 'InternalError', SenderFault: failure === 'refuse' }];
      });
      return { Successful: [], Failed };
    },
  };
  return { attempted, sender: createTaskSender({ sqs: client, queues: { live: 'https://sqs/queue' } }) };
}

describe('entries that SQS does not accept', () => {
  it('are sent again when it is not our fault, and only they', async () => {
    const { attempted, sender } = makeSender(({ body, request }) =>
      request === 1 && body.includes('task-1"') ? 'retry' : null,
    );
    await sender.send(tasksOf(3));
    expect(attempted).toEqual([['task-0', 'task-1', 'task-2'], ['task-1']]);
  });

  it('fail after three times', async () => {
    const { attempted, sender } = makeSender(() => 'retry');
    await expect(sender.send(tasksOf(1))).rejects.toMatchObject({ code: 'task_not_sent' });
    expect(attempted).toHaveLength(3);
  });

  it('fail at once when it is our fault', async () => {
    const { attempted, sender } = makeSender(() => 'refuse');
    await expect(sender.send(tasksOf(1))).rejects.toMatchObject({ code: 'task_not_sent' });
    expect(attempted).toHaveLength(1);
  });

  it('fail whoever sent them, and nobody else in the same request', async () => {
    const { attempted, sender } = makeSender(({ body }) => (body.includes('task-1"') ? 'refuse' : null));
    const [first, second, third] = tasksOf(3).map((task) => sender.send([task]));
    expect((await Promise.allSettled([first, second, third])).map(({ status }) => status)).toEqual([
      'fulfilled',
      'rejected',
      'fulfilled',
    ]);
    expect(attempted).toHaveLength(1);
  });
});

describe('packBatches', () => {
  it('keeps order, loses nothing, and stays within ten messages and 1 MiB', () => {
    const sizes = fc.array(fc.integer({ min: 1, max: 1_048_576 }), { maxLength: 60 });
    fc.assert(
      fc.property(sizes, (bytes) => {
        const entries = bytes.map((size, index) => ({ bytes: size, index }));
        const batches = packBatches(entries);
        expect(batches.flat()).toEqual(entries);
        for (const batch of batches) {
          expect(batch.length).toBeLessThanOrEqual(10);
          expect(batch.reduce((sum, entry) => sum + entry.bytes, 0)).toBeLessThanOrEqual(1_048_576);
        }
      }),
    );
  });
});

/** What SQS takes: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html */
const allowed = (body: string): boolean =>
  body.isWellFormed() &&
  [...body.matchAll(/[\uFFFE\uFFFF]|\p{Cc}/gu)].every(([char]) => /[\t\n\r\u007F-\u009F]/.test(char));

describe('a task’s body', () => {
  it('has only characters that SQS takes, and reads back the same', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const task = makeTask({ taskId: `t${text}\uFFFE\uFFFF\u0000` });
        const body = formatDeliveryTask(task);
        expect(allowed(body)).toBe(true);
        expect(parseDeliveryTask(body)).toEqual(task);
      }),
    );
  });

  it('takes along what was read of its endpoint, unless that is long', () => {
    const task = makeTask();
    const endpoint = { ...makeEndpoint(), readAtMs: 1 };
    const message = parseDeliveryMessage(formatDeliveryTask(task, endpoint));
    expect(message).toEqual({ task, told: endpoint });
    const long = { ...endpoint, filter: { lockIds: Array.from({ length: 100 }, () => 'x'.repeat(64)) } };
    expect(parseDeliveryMessage(formatDeliveryTask(task, long))).toEqual({ task });
  });

  it('is not quoted by the error when it can’t be read', () => {
    for (const body of ['planted', '{"v":1,"taskId":"planted","event":"planted"}'])
      expect(() => parseDeliveryTask(body)).toThrow(/^the body is not (?!.*planted)/);
  });
});
