import { apiFlows } from './api-flows.ts';
import { deliveryFlows } from './delivery-flows.ts';
import { modes, type Boundary, type FaultInput, type Mode } from './fault-plan.ts';
import type { Flow } from './flow.ts';
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
  /** The call is made only when others come between: it may happen that none is met. */
  readonly sometimes?: boolean;
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
  bury,
  outage,
  limit,
  crawl,
  queueUp,
  comeBack,
  rerun,
  fileInLane,
} = deliveryFlows;
const { book, point, register, replay } = apiFlows;

type Row = readonly [call: string, flow: Flow, more?: Omit<FaultedBoundary, keyof Boundary | 'flow'>];

const of = (name: string, rows: readonly Row[]): FaultedBoundary[] =>
  rows.map(([call, flow, more]) => ({ function: name, call, flow, ...more }));

const refused = (name: string, call: string) => ({ function: name, call, mode: 'is refused' }) as const;

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
    // What one commit holds of a locker may come apart.
    ['DynamoDB.GetItem(EventsTable)', queueUp, { sometimes: true }],
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
    ['DynamoDB.GetItem(EntitiesTable:endpoint-health)', outage, { sometimes: true }],
    ['DynamoDB.PutItem(EntitiesTable:endpoint-health)', outage],
    ['DynamoDB.TransactWriteItems(EntitiesTable+EventsTable)', outage],
    ['DynamoDB.TransactWriteItems(EntitiesTable+EventsTable)', leave],
    // Two attempts at one event, of which both hear the 410.
    ['DynamoDB.GetItem(EntitiesTable:endpoint)', leave, { sometimes: true }],
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
    [
      'SQS.SendMessageBatch(OrderedDeliveryDlq)',
      queueUp,
      // Only what is sent to an endpoint that has answered in time wears out there.
      {
        after: [{ function: 'DeliverFunction', call: 'KMS.Decrypt', mode: 'fails for ever' }],
        sometimes: true,
      },
    ],
  ]),
  ...of('DeadLetterFunction', [
    ['DynamoDB.Query(EntitiesTable:partner)', file],
    ['DynamoDB.PutItem(DeliveriesTable)', file],
    ['DynamoDB.TransactWriteItems(DeliveriesTable+EventsTable)', bury],
    ['DynamoDB.GetItem(DeliveriesTable:lane)', fileInLane],
    // What was delivered when deliver died of it: others wait behind it.
    ['DynamoDB.GetItem(EventsTable)', queueUp, { sometimes: true }],
    ['DynamoDB.PutItem(DeliveriesTable:lane)', fileInLane, { sometimes: true }],
    ['SQS.SendMessageBatch(OrderedDeliveryQueue)', fileInLane, { sometimes: true }],
    ['DynamoDB.BatchWriteItem(EntitiesTable)', poison],
    [
      'DynamoDB.GetItem(DeliveriesTable)',
      file,
      {
        after: [
          {
            function: 'DeadLetterFunction',
            call: 'DynamoDB.PutItem(DeliveriesTable)',
            mode: 'loses its answer',
          },
        ],
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
    ['DynamoDB.GetItem(EntitiesTable:endpoint-health)', outage, { sometimes: true }],
    ['DynamoDB.PutItem(EntitiesTable:endpoint-health)', outage, { sometimes: true }],
    ['DynamoDB.Query(DeliveriesTable.due:parked)', outage],
    ['DynamoDB.UpdateItem(DeliveriesTable)', outage],
    ['SQS.SendMessageBatch(SlowDeliveryQueue)', outage],
    // Redrives.
    ['DynamoDB.Query(EntitiesTable.due:redrive)', replay, { anonymous: true }],
    ['DynamoDB.Query(DeliveriesTable:log)', replay],
    ['DynamoDB.Query(DeliveriesTable.due:undelivered)', comeBack],
    ['DynamoDB.PutItem(DeliveriesTable)', comeBack],
    ['SQS.SendMessageBatch(SlowDeliveryQueue)', comeBack],
    // What is sent may have arrived before this is noted.
    ['DynamoDB.PutItem(EntitiesTable:redrive)', replay, { sometimes: true }],
    ['DynamoDB.PutItem(EntitiesTable:redrive)', comeBack],
    ['SQS.SendMessageBatch(SlowDeliveryQueue)', replay, { sometimes: true }],
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
    // Retry and recovery.
    ['DynamoDB.GetItem(DeliveriesTable)', die],
    ['DynamoDB.UpdateItem(DeliveriesTable)', die],
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
      .filter((mode) => !without.includes(mode))
      .map((mode) => ({
        name: `${boundary.function} ${boundary.call}${boundary.skip === undefined ? '' : ' later'} ${mode} (${flow.name})`,
        flow,
        faults: [...after, { ...boundary, mode }],
      })),
  ),
];
