import {
  AlarmStatusWidget,
  Dashboard,
  GraphWidget,
  type IMetric,
  type IWidget,
  PeriodOverride,
  TextWidget,
} from 'aws-cdk-lib/aws-cloudwatch';
import type { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import type { Queue } from 'aws-cdk-lib/aws-sqs';
import { Construct, type IConstruct } from 'constructs';
import type { StageConfig } from './config.ts';
import type { DeliveryQueues } from './delivery-queues.ts';
import { fixLogicalId } from './logical-id.ts';
import { messagesIn, minuteMetric, ownMetric, RunbookAlarm } from './runbook-alarm.ts';

export interface OperationsDashboardProps {
  readonly config: StageConfig;
  /** All alarms below it are shown. */
  readonly root: IConstruct;
  /** By the name of their stage. */
  readonly functions: Readonly<Record<DashboardFunction, LambdaFunction>>;
  readonly queues: DeliveryQueues;
  /** Where tower messages end that nobody could process. */
  readonly ingestDeadLetters: readonly Queue[];
  /** Of the HTTP API. */
  readonly apiId: string;
}

type DashboardFunction = 'ingest' | 'fan-out' | 'deliver' | 'dead-letter' | 'timers' | 'api';

const fullWidth = 24;
const graphsPerRow = 3;

/** The state of all alarms, and a row for each stage in the order of an event's way. */
export class OperationsDashboard extends Construct {
  constructor(scope: Construct, id: string, props: OperationsDashboardProps) {
    super(scope, id);
    const dashboard = new Dashboard(this, 'Dashboard', {
      dashboardName: `towercast-${props.config.stage}`,
      periodOverride: PeriodOverride.INHERIT,
    });
    fixLogicalId(dashboard, 'OperationsDashboard');
    dashboard.addWidgets(alarmsUnder(props.root));
    for (const row of [ingestRow, fanOutRow, deliveryRow, endpointsRow, timersRow, apiRow])
      dashboard.addWidgets(...row(props));
  }
}

function alarmsUnder(root: IConstruct): IWidget {
  const alarms = root.node.findAll().filter((one) => one instanceof RunbookAlarm);
  return new AlarmStatusWidget({
    title: 'Alarms: docs/runbook.md says what to do',
    alarms,
    width: fullWidth,
    height: 4,
  });
}

/** A heading and graphs beside each other. */
const row = (
  heading: string,
  ...graphs: readonly [title: string, left: IMetric[], right?: IMetric[]][]
): IWidget[] => [
  new TextWidget({ markdown: `## ${heading}`, width: fullWidth, height: 1 }),
  ...graphs.map(
    ([title, left, right = []]) =>
      new GraphWidget({ title, left, right, width: fullWidth / graphsPerRow, height: 6 }),
  ),
];

/** Metrics that the functions of a stage count. */
const ownOf =
  (config: StageConfig) =>
  (service: DashboardFunction, name: string, statistic: 'Sum' | 'Maximum' | 'p50' | 'p99' = 'Sum') =>
    ownMetric(config, name, { service }, statistic);

const ofFunction = (
  { functionName }: LambdaFunction,
  name: string,
  statistic: 'Sum' | 'Maximum' | 'p99' = 'Sum',
) => minuteMetric('AWS/Lambda', name, { FunctionName: functionName }, statistic);

const health = (fn: LambdaFunction): IMetric[] => [ofFunction(fn, 'Errors'), ofFunction(fn, 'Throttles')];

const ingestRow = ({ config, functions, ingestDeadLetters }: OperationsDashboardProps): IWidget[] => {
  const own = ownOf(config);
  return row(
    'Ingest',
    ['Events', [own('ingest', 'EventsCommitted'), own('ingest', 'EventsRepeated')]],
    [
      'Gaps and quarantine',
      [
        own('ingest', 'GapsDetected'),
        own('ingest', 'MessagesQuarantined'),
        ...ingestDeadLetters.map(messagesIn),
      ],
      [own('ingest', 'OldestGapSeconds', 'Maximum')],
    ],
    ['Function', health(functions.ingest), [ofFunction(functions.ingest, 'Duration', 'p99')]],
  );
};

const fanOutRow = ({ config, functions }: OperationsDashboardProps): IWidget[] => {
  const own = ownOf(config);
  return row(
    'Fan-out',
    ['Events and tasks', [own('fan-out', 'EventsFannedOut'), own('fan-out', 'TasksSent')]],
    [
      'Behind, ms',
      [ofFunction(functions['fan-out'], 'IteratorAge', 'Maximum')],
      [own('fan-out', 'EventsQuarantined'), own('fan-out', 'EndpointsUnreadable')],
    ],
    ['Function', health(functions['fan-out']), [ofFunction(functions['fan-out'], 'Duration', 'p99')]],
  );
};

const deliveryRow = ({ config, functions, queues }: OperationsDashboardProps): IWidget[] => {
  const own = ownOf(config);
  return row(
    'Delivery',
    [
      'Deliveries by outcome',
      [
        own('deliver', 'DeliveriesDelivered'),
        own('deliver', 'DeliveriesParked'),
        own('deliver', 'DeliveriesHeld'),
        own('deliver', 'DeliveriesWithoutEndpoint'),
        own('deliver', 'DeliveriesDead'),
        own('dead-letter', 'DeliveriesDead'),
        own('timers', 'DeliveriesDead'),
        own('deliver', 'AttemptsFailed'),
        own('deliver', 'FirstAttemptsLate'),
        own('deliver', 'TasksFailed'),
        own('dead-letter', 'DeliveriesRescheduled'),
        own('deliver', 'LeasesOver'),
      ],
    ],
    [
      'From publication to receipt, ms',
      [own('deliver', 'PublishToReceiptMs', 'p50'), own('deliver', 'PublishToReceiptMs', 'p99')],
    ],
    [
      'Queues and functions',
      [queues.live, queues.slow, queues.ordered, queues.dlq, queues.orderedDlq].map(messagesIn),
      [...health(functions.deliver), ...health(functions['dead-letter'])],
    ],
  );
};

const endpointsRow = ({ config }: OperationsDashboardProps): IWidget[] => {
  const own = ownOf(config);
  const oldest = (endpointClass: 'healthy' | 'failing'): IMetric =>
    ownMetric(config, 'OldestUndeliveredSeconds', { service: 'timers', endpointClass }, 'Maximum');
  return row(
    'Endpoints',
    [
      'Oldest undelivered, seconds',
      [oldest('healthy')],
      [oldest('failing'), own('timers', 'OldestDrainingSeconds', 'Maximum')],
    ],
    [
      'Breakers',
      [own('timers', 'BreakersOpen', 'Maximum'), own('timers', 'BreakersOpenLong', 'Maximum')],
      [own('timers', 'EndpointsDisabled')],
    ],
    [
      'Backlogs',
      [own('timers', 'BacklogDeliveries', 'Maximum')],
      [own('timers', 'DeliveriesDrained'), own('timers', 'DeliveriesLeftForLater')],
    ],
  );
};

const timersRow = ({ config, functions: { timers } }: OperationsDashboardProps): IWidget[] => {
  const own = ownOf(config);
  return row(
    'Timers',
    [
      'Done, and how late, seconds',
      [
        own('timers', 'EntitiesDue'),
        own('timers', 'EntitiesLeftForLater'),
        own('timers', 'DeliveriesDue'),
        own('timers', 'DeliveriesRedriven'),
      ],
      [own('timers', 'OldestEntityDueSeconds', 'Maximum')],
    ],
    [
      'Failed',
      [
        own('timers', 'EntitiesDueFailed'),
        own('timers', 'DeliveriesDueFailed'),
        own('timers', 'EndpointsFailed'),
        own('timers', 'RedrivesFailed'),
      ],
    ],
    [
      'Function',
      [ofFunction(timers, 'Invocations'), ...health(timers)],
      [ofFunction(timers, 'Duration', 'Maximum')],
    ],
  );
};

const apiRow = ({ functions: { api }, apiId }: OperationsDashboardProps): IWidget[] => {
  const gateway = (name: string, statistic: 'Sum' | 'p99' = 'Sum') =>
    minuteMetric('AWS/ApiGateway', name, { ApiId: apiId }, statistic);
  return row(
    'API',
    ['Requests', [gateway('Count'), gateway('4xx'), gateway('5xx')]],
    ['Latency, ms', [gateway('Latency', 'p99')]],
    ['Function', health(api), [ofFunction(api, 'Duration', 'p99')]],
  );
};
