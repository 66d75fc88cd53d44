/** An event that waits for its turn. */
export interface Queued {
  id: string;
  /** The event of the same subject and commit right before it: see CommittedEvent. */
  after: string | null;
  /** Whether it has tasks for endpoints that ask for order. */
  keepsOrder: boolean;
}

export interface KnownLine<Q extends Queued> {
  kind: 'known';
  /** Events of the same commit that come before it and have no place before, the first one first. */
  ahead: readonly Q[];
  /** An earlier turn has taken its ordered tasks along. */
  isTaken: boolean;
}

/** What goes out in an event's turn; `unknown`: what comes before it could not be read. */
export type Line<Q extends Queued> = KnownLine<Q> | { kind: 'unknown'; error: unknown };

export interface LineUpOptions<Q extends Queued> {
  /** In the order of the stream. */
  batch: readonly Q[];
  /** Whether this process has sent an event, and all that comes before it, in an earlier batch. */
  isSent: (id: string) => boolean;
  /** Of what the batch doesn't have. Null: it is gone. */
  read: (id: string) => Promise<Q | null>;
}

/**
 * Puts the events of one commit, whose records come in any order, back into theirs. An event that keeps order takes along
 * all that comes before it, to the first of its commit, whether anybody wants it or not: what is wanted further back is
 * known only there. For others nothing is read: they come after what the batch has anyway.
 */
export async function lineUp<Q extends Queued>(options: LineUpOptions<Q>): Promise<Map<Q, Line<Q>>> {
  const inBatch = new Map(options.batch.map((queued) => [queued.id, queued]));
  const placed = new Set<string>();
  const isPlaced = (id: string): boolean => placed.has(id) || options.isSent(id);
  const lines = new Map<Q, Line<Q>>();

  const aheadOf = async ({ after, keepsOrder }: Q): Promise<Q[]> => {
    const ahead: Q[] = [];
    for (let id = after; id !== null && !isPlaced(id);) {
      const before = inBatch.get(id) ?? (keepsOrder ? await options.read(id) : null);
      if (before === null) break;
      ahead.unshift(before);
      id = before.after;
    }
    return ahead;
  };

  for (const queued of options.batch) {
    try {
      const isTaken = placed.has(queued.id);
      const ahead = await aheadOf(queued);
      lines.set(queued, { kind: 'known', ahead, isTaken });
      if (queued.keepsOrder) for (const { id } of [...ahead, queued]) placed.add(id);
    } catch (error) {
      lines.set(queued, { kind: 'unknown', error });
    }
  }
  return lines;
}
