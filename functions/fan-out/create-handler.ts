import { BatchProcessor, EventType, processPartialResponse } from '@aws-lambda-powertools/batch';
import type { DynamoDBBatchResponse, DynamoDBRecord, DynamoDBStreamEvent } from 'aws-lambda';
import type { PartnerLog } from '../shared/partner-log.ts';
import { TowercastError } from '../shared/errors.ts';
import type { TaskSender } from '../shared/queue.ts';
import { lineUp, type KnownLine, type Line } from './line-up.ts';
import { prepareCommitted, prepareRecord, type PrepareDeps, type Prepared } from './prepare.ts';
import { RecentIds } from './recent-ids.ts';
import { takeTurns, type Turn } from './turns.ts';
import { writeLogs } from './write-logs.ts';

export interface FanOutDeps extends PrepareDeps {
  /** Coalesces what the records of a batch send. */
  tasks: TaskSender;
  log: PartnerLog;
}

/** Events of which a process remembers that it sent them. A commit has a hundred at most. */
const maxRemembered = 10_000;

/**
 * Turns each new event into one task per matching endpoint, and into an entry of each log that it belongs to. A record
 * fails if and only if one of its tasks or entries was not accepted, or its lane was held up by one that failed; given
 * again, it sends all of its tasks again, which only repeats deliveries. What can't be read never will be: it is
 * quarantined, for a record that fails for good would hold up its shard and repeat its neighbours.
 */
export function createHandler(
  deps: FanOutDeps,
): (event: DynamoDBStreamEvent) => Promise<DynamoDBBatchResponse> {
  const sent = new RecentIds(maxRemembered);
  return async (batch) => {
    const { done, failed } = await sendAll(deps, batch, sent);
    const logged = passed(batch.Records, failed);
    // What was sent before its own record came was logged then, too.
    const news = new Map([...done].map(([record, line]) => [record, line.filter(({ id }) => !sent.has(id))]));
    for (const record of await writeLogs(deps, logged, news)) failed.add(sequenceNumberOf(record));
    for (const { id } of passed(logged, failed).flatMap((record) => orderedIn(done.get(record))))
      sent.add(id);
    // Whoever caused them: towers, calls of the API, time.
    const events = [...done.values()].filter((line) => line.at(-1)?.event !== null).length;
    if (events > 0) deps.metrics.addMetric('EventsFannedOut', 'Count', events);
    return {
      batchItemFailures: batch.Records.map(sequenceNumberOf)
        .filter((sequenceNumber) => failed.has(sequenceNumber))
        .map((itemIdentifier) => ({ itemIdentifier })),
    };
  };
}

interface SentBatch {
  /** Of each record that did not fail: its event, and before it those that its turn took along. */
  done: ReadonlyMap<DynamoDBRecord, readonly Prepared[]>;
  /** Sequence numbers. */
  failed: Set<string>;
}

async function sendAll(
  deps: FanOutDeps,
  batch: DynamoDBStreamEvent,
  sent: Pick<RecentIds, 'has'>,
): Promise<SentBatch> {
  const turns = takeTurns(batch.Records);
  const prepared = new Map(batch.Records.map((record) => [record, prepareRecord(deps, record)]));
  // What is sent at the same time shares requests: whose endpoints are known already waits for the others.
  const known = await Promise.allSettled(prepared.values());
  const lines = await lineUp({
    batch: known.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : [])),
    isSent: (id) => sent.has(id),
    read: (id) => prepareCommitted(deps, id),
  });
  const done = new Map<DynamoDBRecord, readonly Prepared[]>();
  const { batchItemFailures } = await processPartialResponse(
    batch,
    async (record: DynamoDBRecord) => {
      const own = prepared.get(record) ?? prepareRecord(deps, record);
      done.set(record, await processRecord(deps, record, { own, lines, turn: turns.get(record) }));
    },
    new BatchProcessor(EventType.DynamoDBStreams),
    { throwOnFullBatchFailure: false },
  );
  return { done, failed: new Set(batchItemFailures.map(({ itemIdentifier }) => itemIdentifier)) };
}

const sequenceNumberOf = ({ dynamodb }: DynamoDBRecord): string => dynamodb?.SequenceNumber ?? '';

/** Records that will not be given again: those before the first that failed. Only they go into the logs, so once. */
function passed(records: readonly DynamoDBRecord[], failed: ReadonlySet<string>): DynamoDBRecord[] {
  const first = records.findIndex((record) => failed.has(sequenceNumberOf(record)));
  return records.slice(0, first === -1 ? records.length : first);
}

/** What was sent in order: others take nothing along. */
const orderedIn = (line: readonly Prepared[] = []): readonly Prepared[] =>
  line.at(-1)?.keepsOrder === true ? line : [];

interface RecordWork {
  own: Promise<Prepared>;
  lines: ReadonlyMap<Prepared, Line<Prepared>>;
  turn: Turn | undefined;
}

/** Sends a record's tasks. Gives its event, and before it those that its turn took along. */
async function processRecord(
  deps: FanOutDeps,
  record: DynamoDBRecord,
  { own, lines, turn }: RecordWork,
): Promise<readonly Prepared[]> {
  try {
    const prepared = await own;
    const line = lines.get(prepared) ?? { kind: 'known', ahead: [], isTaken: false };
    if (line.kind === 'unknown') throw line.error;
    const { ordered, others } = prepared.tasks;
    await Promise.all([deps.tasks.send(others), sendInTurn(deps, { prepared, line, turn })]);
    turn?.end('sent');
    const count = ordered.length + others.length;
    if (count > 0) deps.metrics.addMetric('TasksSent', 'Count', count);
    return [...line.ahead, prepared];
  } catch (error) {
    turn?.end('failed');
    const { SequenceNumber: sequenceNumber, Keys: keys } = record.dynamodb ?? {};
    deps.logger.error('record failed', { sequenceNumber, keys, error });
    throw error;
  }
}

interface TurnWork {
  prepared: Prepared;
  line: KnownLine<Prepared>;
  turn: Turn | undefined;
}

/**
 * What keeps an order waits for its turn, and what comes before it goes first. It is left to the next time if what came
 * before it was not sent.
 */
async function sendInTurn({ tasks }: FanOutDeps, { prepared, line, turn }: TurnWork): Promise<void> {
  if (!prepared.keepsOrder) return;
  if (turn !== undefined && !(await turn.isClear))
    throw new TowercastError('lane_held_up', 'an earlier event of this subject was not sent');
  if (!line.isTaken) await tasks.send([...line.ahead, prepared].flatMap((one) => one.tasks.ordered));
}
