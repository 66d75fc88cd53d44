import { apiFlows } from './api-flows.ts';
import { deliveryFlows } from './delivery-flows.ts';
import type { Boundary, FaultInput } from './fault-plan.ts';
import type { Flow } from './flow.ts';
import { laneFlows } from './lane-flows.ts';
import { appliesTo, modes, type Mode } from './modes.ts';
import { towerFlows } from './tower-flows.ts';

/** A call that a function makes, and a flow on whose way it is. */
export interface FaultedBoundary extends Boundary {
  readonly flow: Flow;
  /** Lets this many calls of the flow pass first. */
  readonly skip?: number;
  /** The call is about all cases at once and names none. */
  readonly anonymous?: boolean;
  /** Faults that lead here: it is called when something else has failed. */
  readonly after?: readonly Omit<FaultInput, 'tag'>[];
  /** Why it may be missed beside others. Then it is done without them. */
  readonly mayMiss?: string;
  /** Modes that make no sense here. */
  readonly without?: readonly Mode[];
}

const { open, stock, expire, fillGap, flush } = towerFlows;
const {
  retry,
  wait,
  leave,
  file,
  poison,
  corrupt,
  die,
  dieAndAskOnce,
  bury,
  outage,
  abandon,
  limit,
  crawl,
  comeBack,
  rerun,
  forget,
} = deliveryFlows;
const { queueUp, fileInLane, fileOver, comeApart, skip, wearOut, comeBackInLane } = laneFlows;
const { book, point, register, replay, rotate, pull, pullAndWait, knock } = apiFlows;

type Row = readonly [call: string, flow: Flow, more?: Omit<FaultedBoundary, keyof Boundary | 'flow'>];

const of = (name: string, rows: readonly Row[]): FaultedBoundary[] =>
  rows.map(([call, flow, more]) => ({ function: name, call, flow, ...more }));

const disabling = 'DynamoDB.TransactWriteItems(EntitiesTable+EventsTable)';

const recording = 'DynamoDB.BatchWriteItem(DeliveriesTable)';

const refused = (name: string, call: string) => ({ function: name, call, mode: 'is refused' }) as const;
/** The call before it brings the retry into its lane. */
const wakingNext = {
  ...refused('DeliverFunction', 'SQS.SendMessageBatch(OrderedDeliveryQueue)'),
  skip: 1,
} as const;
const anotherRetry = 'a retry more, on a busy machine, is a call more before it';
const losing = (name: string, call: string) => ({ function: name, call, mode: 'loses its answer' }) as const;

/**
 * Every call of every function. A call that is missing here fails the suite: give it a row, with a flow that makes it.
 */
export const boundaries: readonly FaultedBoundary[] = [
  ...of('IngestFunction', [
    ['DynamoDB.BatchGetItem(EntitiesTable)', stock],
    ['DynamoDB.TransactWriteItems(EntitiesTable+EventsTable)', stock],
    ['DynamoDB.TransactWriteItems(EventsTable)', flush],
    ['DynamoDB.PutItem(EventsTable)', open],
    ['DynamoDB.PutItem(EntitiesTable:progress)', open],
    ['DynamoDB.BatchWriteItem(EntitiesTable)', flush],
    ['IoT.Publish(acks)', flush],
    ['IoT.Publish(commands)', fillGap],
  ]),
  ...of('FanOutFunction', [
    ['DynamoDB.Query(EntitiesTable:partner)', open],
    ['DynamoDB.Query(DeliveriesTable:log)', open],
    ['DynamoDB.UpdateItem(DeliveriesTable:log)', open],
    ['DynamoDB.BatchWriteItem(EntitiesTable)', corrupt],
    ['SQS.SendMessageBatch(DeliveryQueue)', open],
    ['SQS.SendMessageBatch(SlowDeliveryQueue)', crawl],
    ['SQS.SendMessageBatch(OrderedDeliveryQueue)', queueUp],
    ['DynamoDB.GetItem(EventsTable)', comeApart],
  ]),
  ...of('DeliverFunction', [
    ['DynamoDB.Query(EntitiesTable:partner)', open],
    ['DynamoDB.GetItem(EntitiesTable:message)', point],
    ['KMS.Decrypt', open],
    ['Partner.POST', open],
    ['Partner.POST', retry, { skip: 2 }],
    ['DynamoDB.BatchWriteItem(DeliveriesTable)', open],
    ['DynamoDB.PutItem(DeliveriesTable)', retry],
    ['DynamoDB.PutItem(DeliveriesTable)', wait],
    ['DynamoDB.TransactWriteItems(DeliveriesTable+EventsTable)', die],
    ['SQS.SendMessageBatch(DeliveryQueue)', retry],
    [
      'DynamoDB.GetItem(DeliveriesTable)',
      retry,
      { after: [refused('DeliverFunction', 'SQS.SendMessageBatch(DeliveryQueue)')] },
    ],
    // The endpoint's health, breaker and limits.
    [
      'DynamoDB.GetItem(EntitiesTable:endpoint-health)',
      outage,
      // It is overtaken by itself.
      { after: [losing('DeliverFunction', 'DynamoDB.PutItem(EntitiesTable:endpoint-health)')] },
    ],
    ['DynamoDB.PutItem(EntitiesTable:endpoint-health)', outage],
    ['DynamoDB.TransactWriteItems(EntitiesTable+EventsTable)', outage],
    ['DynamoDB.TransactWriteItems(EntitiesTable+EventsTable)', leave],
    [
      'DynamoDB.GetItem(EntitiesTable:endpoint)',
      leave,
      { after: [{ function: 'DeliverFunction', call: disabling, mode: 'conflicts' }] },
    ],
    ['DynamoDB.PutItem(DeliveriesTable)', outage, { skip: 3 }],
    ['SQS.SendMessageBatch(SlowDeliveryQueue)', crawl],
    ['DynamoDB.GetItem(EntitiesTable:limits)', limit],
    ['DynamoDB.PutItem(EntitiesTable:limits)', limit],
    // Lanes.
    ['DynamoDB.GetItem(DeliveriesTable:lane)', queueUp],
    ['DynamoDB.PutItem(DeliveriesTable:lane)', queueUp],
    ['DynamoDB.TransactWriteItems(DeliveriesTable)', queueUp],
    ['DynamoDB.GetItem(DeliveriesTable)', queueUp],
    ['DynamoDB.GetItem(EventsTable)', queueUp],
    ['DynamoDB.PutItem(DeliveriesTable)', queueUp],
    ['Partner.POST', queueUp, { skip: 1 }],
    ['SQS.SendMessageBatch(OrderedDeliveryQueue)', queueUp],
    ['DynamoDB.TransactWriteItems(DeliveriesTable+EventsTable)', skip],
    ['DynamoDB.TransactWriteItems(DeliveriesTable+EventsTable)', skip, { skip: 1 }],
    [
      'SQS.SendMessageBatch(OrderedDeliveryDlq)',
      wearOut,
      // It has its turn each time, and what came of it can't be written down.
      { after: [{ function: 'DeliverFunction', call: recording, mode: 'fails for ever', skip: 1 }] },
    ],
  ]),
  ...of('DeadLetterFunction', [
    ['DynamoDB.Query(EntitiesTable:partner)', file],
    ['DynamoDB.PutItem(DeliveriesTable)', file],
    ['DynamoDB.TransactWriteItems(DeliveriesTable+EventsTable)', bury],
    ['DynamoDB.GetItem(DeliveriesTable:lane)', fileInLane],
    ['DynamoDB.GetItem(EventsTable)', fileOver, { after: [wakingNext], mayMiss: anotherRetry }],
    ['DynamoDB.PutItem(DeliveriesTable:lane)', fileInLane],
    ['SQS.SendMessageBatch(OrderedDeliveryQueue)', fileOver, { after: [wakingNext], mayMiss: anotherRetry }],
    ['DynamoDB.BatchWriteItem(EntitiesTable)', poison],
    [
      'DynamoDB.GetItem(DeliveriesTable)',
      file,
      {
        after: [losing('DeadLetterFunction', 'DynamoDB.PutItem(DeliveriesTable)')],
      },
    ],
  ]),
  ...of('TimersFunction', [
    ['DynamoDB.Query(EntitiesTable.due:due)', expire, { anonymous: true }],
    ['DynamoDB.BatchGetItem(EntitiesTable)', expire],
    ['DynamoDB.TransactWriteItems(EntitiesTable+EventsTable)', expire],
    // Deliveries that are due.
    ['DynamoDB.UpdateItem(EntitiesTable:window)', wait, { anonymous: true }],
    ['DynamoDB.Query(DeliveriesTable.due:due)', wait, { anonymous: true }],
    ['DynamoDB.BatchGetItem(DeliveriesTable)', wait],
    ['DynamoDB.BatchExecuteStatement(DeliveriesTable)', wait],
    ['DynamoDB.BatchGetItem(EventsTable)', wait],
    ['SQS.SendMessageBatch(DeliveryQueue)', wait],
    // Backlogs of endpoints that were down.
    ['DynamoDB.Query(EntitiesTable.due:health)', outage, { anonymous: true }],
    ['DynamoDB.GetItem(EntitiesTable:endpoint-health)', abandon],
    ['DynamoDB.PutItem(EntitiesTable:endpoint-health)', abandon],
    ['DynamoDB.Query(DeliveriesTable.due:parked)', outage],
    ['DynamoDB.UpdateItem(DeliveriesTable)', outage],
    ['SQS.SendMessageBatch(SlowDeliveryQueue)', outage],
    // Redrives.
    ['DynamoDB.Query(EntitiesTable.due:redrive)', replay, { anonymous: true }],
    ['DynamoDB.Query(DeliveriesTable:log)', replay],
    ['DynamoDB.Query(DeliveriesTable.due:undelivered)', comeBack],
    ['DynamoDB.PutItem(DeliveriesTable)', comeBack],
    ['SQS.SendMessageBatch(SlowDeliveryQueue)', comeBack],
    ['DynamoDB.PutItem(EntitiesTable:redrive)', replay],
    ['DynamoDB.PutItem(EntitiesTable:redrive)', comeBack],
    ['SQS.SendMessageBatch(SlowDeliveryQueue)', replay],
    ['SQS.SendMessageBatch(OrderedDeliveryQueue)', comeBackInLane],
    // Commands without an answer.
    ['DynamoDB.Query(EntitiesTable)', knock],
    // What nobody can send any more.
    ['DynamoDB.GetItem(EventsTable)', forget],
    ['DynamoDB.TransactWriteItems(DeliveriesTable+EventsTable)', forget],
  ]),
  ...of('ApiFunction', [
    ['DynamoDB.BatchGetItem(EntitiesTable)', book],
    ['DynamoDB.PutItem(EntitiesTable:idempotency)', book],
    ['DynamoDB.PutItem(EntitiesTable:idempotency)', book, { skip: 1 }],
    ['DynamoDB.TransactWriteItems(EntitiesTable+EventsTable)', book],
    ['DynamoDB.TransactWriteItems(EntitiesTable)', register],
    ['DynamoDB.Query(EntitiesTable.due:redrive)', replay],
    ['DynamoDB.TransactWriteItems(EntitiesTable)', replay, { skip: 1 }],
    ['KMS.Encrypt', register],
    ['DynamoDB.GetItem(EventsTable)', point],
    ['DynamoDB.PutItem(EntitiesTable:message)', point],
    [
      'DynamoDB.DeleteItem(EntitiesTable:idempotency)',
      book,
      { after: [refused('ApiFunction', 'DynamoDB.TransactWriteItems(EntitiesTable+EventsTable)')] },
    ],
    // A link that opens a locker.
    ['DynamoDB.UpdateItem(EntitiesTable:counter)', knock, { anonymous: true }],
    ['DynamoDB.TransactWriteItems(EntitiesTable+EventsTable)', knock, { skip: 1 }],
    ['IoT.Publish(commands)', knock],
    ['DynamoDB.Query(EntitiesTable)', knock],
    // Keys.
    ['KMS.Decrypt', rotate],
    // Pulling.
    ['DynamoDB.Query(DeliveriesTable:log)', pull],
    ['DynamoDB.GetItem(EntitiesTable:limits)', pullAndWait],
    ['DynamoDB.PutItem(EntitiesTable:limits)', pullAndWait],
    ['DynamoDB.BatchGetItem(EventsTable)', pull],
    // Retry and recovery.
    ['DynamoDB.GetItem(DeliveriesTable)', die],
    ['DynamoDB.UpdateItem(DeliveriesTable)', die],
    ['DynamoDB.TransactWriteItems(DeliveriesTable+EntitiesTable)', dieAndAskOnce],
    ['DynamoDB.PutItem(EntitiesTable:endpoint)', comeBack],
    ['DynamoDB.GetItem(EntitiesTable:endpoint-health)', comeBack],
    ['DynamoDB.PutItem(EntitiesTable:endpoint-health)', comeBack],
    ['DynamoDB.Query(EntitiesTable:partner)', comeBack],
  ]),
];

export interface PlannedCase {
  readonly name: string;
  readonly flow: Flow;
  readonly faults: readonly Omit<FaultInput, 'tag'>[];
}

/** One case for each boundary and mode, and what goes wrong between the calls. */
export const plannedCases: readonly PlannedCase[] = [
  { name: 'the stream repeats and reorders', flow: rerun, faults: [] },
  ...boundaries.flatMap(({ flow, after = [], without = [], ...boundary }) =>
    modes
      .filter((mode) => appliesTo(mode, boundary.call) && !without.includes(mode))
      .map((mode) => ({
        name: `${boundary.function} ${boundary.call}${boundary.skip === undefined ? '' : ' later'} ${mode} (${flow.name})`,
        flow,
        faults: [...after, { ...boundary, mode }],
      })),
  ),
];

/** What a function may do and does in no flow, or not in every run, and why. */
export const unusedPermissions: Readonly<Record<string, string>> = {
  'ApiFunction DeliveriesTable/index/due: dynamodb:Query': 'reads: an answer that fails is asked for again',
  'ApiFunction DeliveriesTable: dynamodb:BatchGetItem': 'reads: the count of a redrive that is only tried',
  'ApiFunction EntitiesTable/index/byPartner: dynamodb:Query': 'reads: lists',
  'ApiFunction EventsTable: dynamodb:Query': 'reads: the access log of a lock',
  'DeadLetterFunction DeliveriesTable: dynamodb:DeleteItem': 'only when what waits in a lane has its turn',
  'TimersFunction DeliveriesTable: dynamodb:GetItem': 'only when what is given up has a place in a lane',
  'TimersFunction DeliveriesTable: dynamodb:DeleteItem': 'only when what waits in a lane has its turn',
  'TimersFunction EntitiesTable: dynamodb:ConditionCheckItem': 'only when an endpoint has failed for days',
};
