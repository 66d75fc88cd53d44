import { unmarshall } from '@aws-sdk/util-dynamodb';
import { compareInstants, instantFromMs } from '../../schemas/instant.ts';
import {
  ConditionalCheckFailedException,
  type DynamoDBDocumentClient,
  QueryCommand,
  UpdateCommand,
} from './aws/documents.ts';
import { TowercastError } from './errors.ts';
import { expiresAfter } from './expiry.ts';
import {
  emptyPageBytes,
  entryBytes,
  formatLogEntry,
  logPageKey,
  logPartition,
  parseLogPage,
  type LogEntry,
} from './partner-log-page.ts';

/** See docs/decisions/0018-partner-log.md. */
export interface PartnerLog {
  /**
   * Appends to a partner's log, in the order given, what its last pages don't have yet. One write for each hundred,
   * and another when a page is full. Throws TowercastError `log_contended`.
   */
  append(partnerId: string, entries: readonly LogEntry[]): Promise<void>;
}

export interface PartnerLogOptions {
  documents: DynamoDBDocumentClient;
  deliveriesTable: string;
  /** From the end of a page. */
  retentionDays: number;
  /** Epoch milliseconds. */
  now: () => number;
}

/** A page takes entries until it is this large, so that appending one of them costs one write unit: 1 kB. */
const fullBytes = 950;
/** An expression has room for three hundred operators: two for each entry that must not be there yet. */
const maxEntriesAtOnce = 100;
/** Pages that a process looks at for repeats before its first append, and before one of late entries. */
const lookBackPages = 4;
/** What was received so long ago may come again: after a crash, or because a neighbour failed. Else it takes half a second. */
const promptMs = 2_000;
/** A page that was the last one so long ago may be cleaned up, and must not come to be again. */
const headMaxAgeMs = 3_600_000;
const maxRounds = 50;

interface Head {
  page: number;
  seenAt: number;
}

type Appended =
  | { kind: 'appended'; isNewPage: boolean }
  /** Nothing was written. `there`: what the page has. */
  | { kind: 'refused'; isFull: boolean; there: ReadonlySet<string> };

export function createPartnerLog(options: PartnerLogOptions): PartnerLog {
  const heads = new Map<string, Head>();
  const headOf = (partnerId: string): number | null => {
    const head = heads.get(partnerId);
    return head !== undefined && options.now() - head.seenAt < headMaxAgeMs ? head.page : null;
  };

  const appendChunk = async (partnerId: string, entries: readonly string[], head: number | null) => {
    let waiting = entries;
    let page = head;
    let isJustRolled = false;
    for (let round = 0; round < maxRounds; round += 1) {
      if (page === null) {
        const tail = await readTail(options, partnerId);
        page = tail.page;
        waiting = waiting.filter((entry) => !tail.entries.has(entry));
      }
      if (waiting.length === 0) return;
      const outcome = await appendTo(options, partnerId, page, waiting);
      if (outcome.kind === 'appended') {
        heads.set(partnerId, { page, seenAt: options.now() });
        if (outcome.isNewPage && page > 0) await retire(options, partnerId, page - 1);
        return;
      }
      waiting = waiting.filter((entry) => !outcome.there.has(entry));
      if (!outcome.isFull) continue;
      // The next one, most likely. If that is full too, others were busy: find out how far they came.
      page = isJustRolled ? null : page + 1;
      isJustRolled = page !== null;
    }
    throw new TowercastError('log_contended', `the log of ${partnerId} was never free`);
  };

  return {
    async append(partnerId, entries) {
      const texts = [...new Set(entries.map(formatLogEntry))];
      const promptSince = instantFromMs(options.now() - promptMs);
      const isLate = entries.some(({ receivedAt }) => compareInstants(receivedAt, promptSince) < 0);
      for (let from = 0; from < texts.length; from += maxEntriesAtOnce) {
        const head = isLate ? null : headOf(partnerId);
        await appendChunk(partnerId, texts.slice(from, from + maxEntriesAtOnce), head);
      }
    },
  };
}

/** The page to append to, by a query, and what the last few pages have. */
async function readTail(
  { documents, deliveriesTable }: PartnerLogOptions,
  partnerId: string,
): Promise<{ page: number; entries: ReadonlySet<string> }> {
  const { Items = [] } = await documents.send(
    new QueryCommand({
      TableName: deliveriesTable,
      KeyConditionExpression: 'pk = :pk',
      ExpressionAttributeValues: { ':pk': logPartition(partnerId) },
      ScanIndexForward: false,
      Limit: lookBackPages,
      ConsistentRead: true,
    }),
  );
  const pages = Items.map(parseLogPage);
  return { page: pages[0]?.number ?? 0, entries: new Set(pages.flatMap(({ entries }) => entries)) };
}

/**
 * Appends to a page that is not full. Whether it is full depends on nothing but the page itself, so that once anybody
 * was sent on to the next page, nobody appends to this one any more: that is what lets readers pass it.
 */
async function appendTo(
  { documents, deliveriesTable, now }: PartnerLogOptions,
  partnerId: string,
  page: number,
  entries: readonly string[],
): Promise<Appended> {
  const names = entries.map((_, index) => `:e${index}`);
  try {
    const { Attributes } = await documents.send(
      new UpdateCommand({
        TableName: deliveriesTable,
        Key: logPageKey(partnerId, page),
        UpdateExpression:
          'SET #entries = list_append(if_not_exists(#entries, :none), :new), ' +
          '#bytes = if_not_exists(#bytes, :empty) + :size, ' +
          '#full = if_not_exists(#full, :full), #startedAt = if_not_exists(#startedAt, :now)',
        ConditionExpression:
          'attribute_not_exists(pk) OR (#bytes < #full AND NOT (' +
          `${names.map((name) => `contains(#entries, ${name})`).join(' OR ')}))`,
        ExpressionAttributeNames: {
          '#entries': 'entries',
          '#bytes': 'bytes',
          '#full': 'full',
          '#startedAt': 'startedAt',
        },
        ExpressionAttributeValues: {
          ':none': [],
          ':new': [...entries],
          ':empty': emptyPageBytes(partnerId),
          ':size': entries.reduce((sum, entry) => sum + entryBytes(entry), 0),
          // The page remembers it: releases that disagree on the size must agree on when a page is full.
          ':full': fullBytes,
          ':now': now(),
          ...Object.fromEntries(entries.map((entry, index) => [`:e${index}`, entry])),
        },
        ReturnValues: 'UPDATED_OLD',
        ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
      }),
    );
    return { kind: 'appended', isNewPage: Attributes === undefined };
  } catch (error) {
    if (!(error instanceof ConditionalCheckFailedException)) throw error;
    const { isFull, entries: there } = parseLogPage(unmarshall(error.Item ?? {}));
    return { kind: 'refused', isFull, there: new Set(there) };
  }
}

/**
 * Lets a page go when its time comes, now that it has a successor. The last page never goes: it is what tells where the
 * log goes on. If this is not done, a page stays for good, and that is all.
 */
async function retire(
  { documents, deliveriesTable, retentionDays, now }: PartnerLogOptions,
  partnerId: string,
  page: number,
): Promise<void> {
  try {
    await documents.send(
      new UpdateCommand({
        TableName: deliveriesTable,
        Key: logPageKey(partnerId, page),
        UpdateExpression: 'SET expiresAt = :expiresAt',
        ConditionExpression: 'attribute_exists(pk)',
        ExpressionAttributeValues: { ':expiresAt': expiresAfter(instantFromMs(now()), retentionDays) },
      }),
    );
  } catch {
    // The events themselves stand in the log: nobody should have to wait for them again.
  }
}
