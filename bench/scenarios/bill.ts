import path from 'node:path';
import { billOf, gigabyteSeconds, quantityOf, unitOf, type Bill } from '../bill.ts';
import { openBed, warmUpMessages, type Bed } from '../bed.ts';
import { startDynoxide } from '../../local/engines/dynoxide.ts';
import { startAwsProxy } from '../measure/aws-proxy.ts';
import { orderly } from '../load/plan.ts';
import type { RunResult } from '../load/protocol.ts';
import type { PollStats } from '../../local/local-stack.ts';
import {
  startCapacityProxy,
  totalCapacity,
  type Capacity,
  type CapacityProxy,
} from '../measure/capacity-proxy.ts';
import { shardStreams } from '../measure/sharded-stream.ts';
import { carriers, requestsTo, sum, type FunctionFigures } from '../measure/function-figures.ts';
import { measureTable, type TableBytes } from '../measure/item-bytes.ts';
import { costOf } from '../prices.ts';
import { fixed, inOrder, none, type Row, type Scenario, type Section } from '../scenario.ts';

/** Whoever else asks DynamoDB: timers, the stack's own stream. */
const others = 'others';
const callers: readonly string[] = [...carriers, others];
const limitDollars = 7.5;
const perSecond = 50;
/** Partners are not on this machine, and a function is paid while it waits for them. */
const partnerMs = 100;
const retentionMonths = 3;
/**
 * A table on demand begins with four partitions, so its stream with four shards, and Lambda polls each of them four times a
 * second. The engine here has one shard, which is shown as four. Sources: DynamoDB, "On-demand capacity mode"; Lambda, "Using DynamoDB".
 */
const shards = 4;
const streamIdleMs = 1_000 / 4;

/** Counts what AWS would put on the bill, and multiplies it with bench/prices.ts. */
export const bill: Scenario = {
  name: 'bill',
  describes: `AWS bill per million events, two endpoints that answer in ${partnerMs} ms, ${perSecond} events a second`,
  async run(context) {
    await using engines = new AsyncDisposableStack();
    const engine = await startDynoxide(path.join(context.folder, 'bill-tables.db'));
    engines.defer(() => engine.stop());
    const proxy = await startCapacityProxy(engine.endpoint, callers);
    engines.defer(() => proxy.close());
    const sharded = await startAwsProxy(proxy.urls.get(others) ?? '', shardStreams(shards, 'pk'));
    engines.defer(() => sharded.close());
    const messages = perSecond * (context.quick ? 8 : 40);
    const flood = context.quick ? 400 : 2_000;
    const ordered = 100;
    const warmUp = warmUpMessages(context);
    const endpoint = { delayMs: partnerMs };
    await using bed = await openBed(context, {
      name: 'bill',
      dynamodbEndpoint: sharded.url,
      variablesOf: (logicalId) => {
        const url = proxy.urls.get(logicalId);
        return url === undefined ? {} : { AWS_ENDPOINT_URL_DYNAMODB: url };
      },
      streamIdleMs,
      plan: {
        groups: [
          {
            name: 'tower',
            towers: 50,
            endpoints: [
              { name: 'one', ...endpoint },
              { name: 'two', ...endpoint },
            ],
            messages: messages + flood + warmUp,
          },
          orderly(4, ordered),
        ],
      },
    });
    const { load, stack } = bed;
    await load.run({ group: 'tower', messages: warmUp, perSecond: 2 * perSecond });
    const bytesBefore = (await load.audit()).requestBytes;
    const even = await count(bed, proxy, { messages, perSecond });
    const { requestBytes } = await load.audit();
    const { result, functions } = even;
    const capacity = totalCapacity(even.capacity);
    const made = billOf({
      events: result.events,
      publications: result.publications,
      functions,
      writeUnits: sum(Object.values(capacity.write)),
      readUnits: sum(Object.values(capacity.read)),
      pollRequests: even.polls,
      requestBytes: requestBytes - bytesBefore,
    });
    const stored = {
      events: await measureTable(stack, 'EventsTable'),
      deliveries: await measureTable(stack, 'DeliveriesTable'),
    };
    // Not on the bill: two endpoints without order, at an even rate, are what it is about.
    context.say('as fast as it goes, to partners who answer at once');
    await load.answer('healthy', { kind: 'accept', delayMs: 0 });
    const burst = await count(bed, proxy, { messages: flood, perSecond: null });
    context.say('an ordered endpoint');
    await load.run({ group: 'orderly', messages: ordered, perSecond: 20 });
    const audit = await load.audit();
    return {
      figures: { bill: made, even: figuresOf(even), burst: figuresOf(burst), stored, audit },
      checks: [
        {
          what: 'bill: a million events, Basic Ingest, two endpoints each',
          measured: `$${fixed(made.dollars)}`,
          aim: `≤ $${fixed(limitDollars)}`,
          holds: made.dollars <= limitDollars,
        },
        none('bill: lost', audit.lost),
        ...inOrder('bill', audit),
      ],
      sections: [
        billSection(made),
        requestsSection(`What an event asks of AWS at ${perSecond} events a second`, even),
        requestsSection('What an event asks of AWS as fast as it goes', burst),
        functionsSection(functions, result.events),
        unitsSection(capacity, result.events),
        storageSection(stored),
      ],
    };
  },
};

/** What is counted while a number of messages are on their way. */
interface Counted {
  result: RunResult;
  functions: Record<string, FunctionFigures>;
  /** By caller. */
  capacity: ReadonlyMap<string, Capacity>;
  /** Receives that brought something, and deletes. */
  polls: number;
}

async function count(
  bed: Bed,
  proxy: CapacityProxy<string>,
  { messages, perSecond: rate }: { messages: number; perSecond: number | null },
): Promise<Counted> {
  const { load, stack } = bed;
  const pollsBefore = pollRequests(stack.polls());
  proxy.take();
  const { result, functions } = await bed.measure(() =>
    load.run({ group: 'tower', messages, perSecond: rate }),
  );
  const capacity = proxy.take();
  return { result, functions, capacity, polls: pollRequests(stack.polls()) - pollsBefore };
}

/** A map has no JSON. */
const figuresOf = ({ capacity, ...counted }: Counted) => ({
  ...counted,
  capacity: Object.fromEntries(capacity),
});

const pollRequests = (polls: Readonly<Record<string, PollStats>>): number =>
  sum(Object.values(polls).map(({ receives, emptyReceives, deletes }) => receives - emptyReceives + deletes));

const billSection = ({ items, dollars }: Bill): Section => ({
  title: 'A million events',
  header: ['', 'quantity', '', 'dollars'],
  rows: [
    ...items.map((item): Row => [item.item, quantityOf(item), unitOf(item), fixed(item.dollars)]),
    ['together', '', '', fixed(dollars)],
  ],
});

/**
 * Requests and units of an event by who makes them. Lambda itself receives messages and deletes them. `deliver` and half of its
 * queue's requests are what one of the two deliveries takes.
 */
function requestsSection(title: string, { result, functions, capacity, polls }: Counted): Section {
  const { events, received } = result;
  const carrying = carriers.flatMap((name) => {
    const figures = functions[name];
    return figures === undefined ? [] : [{ name, figures }];
  });
  const row = (name: string, of: typeof carrying, { pollCount = 0, per = events } = {}): Row => {
    const figures = of.map((one) => one.figures);
    const used = new Map(of.map((one) => [one.name, capacity.get(one.name) ?? { write: {}, read: {} }]));
    const { write, read } = totalCapacity(used);
    const counts = [
      sum(figures.map(({ cpuMs }) => cpuMs)),
      requestsTo('DynamoDB.', figures),
      sum(Object.values(write)),
      sum(Object.values(read)),
      requestsTo('SQS.', figures) + pollCount,
    ];
    return [name, ...counts.map((value) => fixed(value / per))];
  };
  return {
    title,
    header: ['', 'CPU ms', 'DynamoDB requests', 'write units', 'read units', 'SQS requests'],
    rows: [
      ...carrying.map((one) => row(one.name, [one])),
      row('Lambda’s polling', [], { pollCount: polls }),
      row('together', carrying, { pollCount: polls }),
      row(
        'a delivery: DeliverFunction and polling',
        carrying.filter(({ name }) => name === 'DeliverFunction'),
        { pollCount: polls, per: received },
      ),
    ],
  };
}

const unitsSection = ({ write, read }: Capacity, events: number): Section => ({
  title: 'DynamoDB units an event',
  header: ['', 'write', 'read'],
  rows: [
    ...Object.entries(write).map(([operation, units]): Row => [operation, fixed(units / events), '']),
    ...Object.entries(read).map(([operation, units]): Row => [operation, '', fixed(units / events)]),
  ],
});

const functionsSection = (functions: Record<string, FunctionFigures>, events: number): Section => ({
  title: 'By function, an event',
  header: ['', 'invocations', 'ms an invocation', 'MB', 'GB-seconds a million', 'log bytes'],
  rows: Object.entries(functions)
    .filter(([, { invocations }]) => invocations > 0)
    .map(([name, figures]): Row => [
      name,
      fixed(figures.invocations / events),
      fixed(figures.billedMs / figures.invocations, 0),
      String(figures.memoryMb),
      fixed((gigabyteSeconds(figures) * 1_000_000) / events, 0),
      fixed(figures.logBytes / events, 0),
    ]),
});

/** Items that an event leaves: the event, and a record for each endpoint. */
const itemsAnEvent = { events: 1, deliveries: 2 };

function storageSection(stored: Record<keyof typeof itemsAnEvent, TableBytes>): Section {
  const row = (table: keyof typeof itemsAnEvent): Row => {
    const { items, bytes, largest } = stored[table];
    const each = bytes / Math.max(1, items);
    const quantity = each * itemsAnEvent[table] * 1_000_000 * retentionMonths;
    const dollars = costOf('storage', quantity) + costOf('pointInTimeRecovery', quantity);
    return [table, String(itemsAnEvent[table]), fixed(each, 0), String(largest), fixed(dollars)];
  };
  return {
    title: `Storage of a million events for ${retentionMonths} months, apart from the bill`,
    header: ['', 'items an event', 'bytes an item', 'largest', 'dollars'],
    rows: [row('events'), row('deliveries')],
  };
}
