import type { Entity } from '../../schemas/entity.ts';
import { parseEventId } from '../../schemas/event-id.ts';
import type { DomainEvent } from '../../schemas/event.ts';
import {
  ConditionalCheckFailedException,
  type DynamoDBDocumentClient,
  PutCommand,
  TransactionCanceledException,
  TransactWriteCommand,
  type TransactWriteCommandInput,
} from './aws/documents.ts';
import { eventItem } from './event-item.ts';
import { versionedPut } from './entity-store.ts';

/** At most 100 together, and 4 MB. */
export interface CommitUnit {
  /** Entities at the version they were loaded at (0: new); each is stored as the next one. */
  changes: readonly Entity[];
  /** In the order in which those of one subject happened: each remembers the one before it. */
  events: readonly DomainEvent[];
  /** Another item that must be stored together with them, under its own condition: a failure of it is a conflict. */
  beside?: NonNullable<NonNullable<TransactWriteCommandInput['TransactItems']>[number]['Put']>;
}

export type CommitOutcome =
  | { kind: 'committed' }
  /**
   * Nothing was stored. `repeats` are the ids of events that exist already; `conflicts` when an entity is no longer at
   * its version, or another transaction or the throughput was in the way: load again and decide again.
   */
  | { kind: 'rejected'; repeats: ReadonlySet<string>; conflicts: boolean };

/** State and its events in one transaction. Throws for the unexpected only. */
export type Commit = (unit: CommitUnit) => Promise<CommitOutcome>;

export interface CommitOptions {
  documents: DynamoDBDocumentClient;
  entitiesTable: string;
  eventsTable: string;
  dueShards: number;
  /** How long an event is kept after its receipt. */
  retentionDays: number;
}

/** Reasons for which the same unit may pass another time. Source: TransactWriteItems, "CancellationReasons". */
const passing = new Set(['TransactionConflict', 'ThrottlingError', 'ProvisionedThroughputExceeded']);
/** Errors of the request itself that mean the same. */
const passingErrors = new Set([
  'TransactionConflictException',
  'TransactionInProgressException',
  'ThrottlingException',
  'RequestLimitExceeded',
  'ProvisionedThroughputExceededException',
]);

export function createCommit(options: CommitOptions): Commit {
  return async (unit) => {
    const { changes, events, beside } = unit;
    if (changes.length + events.length === 0) return { kind: 'committed' };
    const [event] = events;
    const write =
      // A transaction costs twice the write units.
      changes.length === 0 && events.length === 1 && event !== undefined && beside === undefined
        ? putEvent(options, event)
        : putAll(options, unit);
    try {
      return await write;
    } catch (error) {
      if (error instanceof Error && passingErrors.has(error.name)) return conflict;
      throw error;
    }
  };
}

/** The same commit, which tells how many events each unit had that it has stored. */
export const countingCommit =
  (commit: Commit, count: (events: number) => void): Commit =>
  async (unit) => {
    const outcome = await commit(unit);
    if (outcome.kind === 'committed' && unit.events.length > 0) count(unit.events.length);
    return outcome;
  };

const conflict = { kind: 'rejected', repeats: new Set<string>(), conflicts: true } as const;

/** The key is known before the write, so that a repeat finds it taken. */
const eventPut = (
  { eventsTable, retentionDays }: CommitOptions,
  event: DomainEvent,
  after: string | null = null,
) => ({
  TableName: eventsTable,
  Item: eventItem(event, retentionDays, after),
  ConditionExpression: 'attribute_not_exists(pk)',
});

async function putEvent(options: CommitOptions, event: DomainEvent): Promise<CommitOutcome> {
  try {
    await options.documents.send(new PutCommand(eventPut(options, event)));
    return { kind: 'committed' };
  } catch (error) {
    if (!(error instanceof ConditionalCheckFailedException)) throw error;
    return { kind: 'rejected', repeats: new Set([event.id]), conflicts: false };
  }
}

async function putAll(
  options: CommitOptions,
  { changes, events, beside }: CommitUnit,
): Promise<CommitOutcome> {
  const before = predecessors(events);
  const puts = [
    ...events.map((event, index) => eventPut(options, event, before[index])),
    ...changes.map((entity) => versionedPut(options, entity)),
    ...(beside === undefined ? [] : [beside]),
  ];
  try {
    // The command adds a request token, so that the client’s own retry of a request whose answer was lost is no repeat.
    await options.documents.send(new TransactWriteCommand({ TransactItems: puts.map((Put) => ({ Put })) }));
    return { kind: 'committed' };
  } catch (error) {
    if (!(error instanceof TransactionCanceledException)) throw error;
    return rejection(error, events);
  }
}

/**
 * The id of the event of the same subject that comes right before each one; null for the first. The stream doesn't tell:
 * the records of a transaction may come in any order. Source: DynamoDB, "Transactions: how it works".
 */
function predecessors(events: readonly DomainEvent[]): (string | null)[] {
  const last = new Map<string, string>();
  return events.map(({ id }) => {
    const subject = parseEventId(id)?.pk ?? '';
    const before = last.get(subject) ?? null;
    last.set(subject, id);
    return before;
  });
}

const failed = (code: string | undefined) => code === 'ConditionalCheckFailed';

/** Reasons come in the order of the items: events first. */
function rejection(error: TransactionCanceledException, events: readonly DomainEvent[]): CommitOutcome {
  const codes = (error.CancellationReasons ?? []).map((reason) => reason.Code ?? 'None');
  const repeats = new Set(events.filter((_, index) => failed(codes[index])).map((event) => event.id));
  const conflicts = codes.slice(events.length).some(failed) || codes.some((code) => passing.has(code));
  // Anything else (ValidationError, ItemCollectionSizeLimitExceeded) would fail in the same way again.
  if (repeats.size === 0 && !conflicts) throw error;
  return { kind: 'rejected', repeats, conflicts };
}
