import { percentiles, type Percentiles } from '../measure/percentiles.ts';

/** An endpoint as far as the accounts of its receipts go. */
export interface LedgerEndpoint {
  readonly endpointId: string;
  readonly label: string;
  readonly awaited: boolean;
  readonly ordered: boolean;
}

export interface Publication {
  readonly id: string;
  readonly run: number;
  readonly atMs: number;
  /** Tower and locker: what an ordered endpoint gets in order. */
  readonly lane: string;
  readonly hearers: readonly LedgerEndpoint[];
}

export interface Receipt {
  readonly endpointId: string;
  /** `webhook-id` */
  readonly id: string;
  readonly atMs: number;
  /** When its answer left, be it that nobody waits for it any more. */
  readonly answeredAtMs: number;
  /** Answered with a 2xx. */
  readonly accepted: boolean;
  /** Of the body: the same event has the same one, whatever its id says. */
  readonly digest: string;
  /** `towercast-sequence` and `towercast-previous-sequence`, where they were sent. */
  readonly sequence: number | null;
  readonly previousSequence: number | null;
}

/** What became of the publications of a run, or of all. */
export interface Account {
  events: number;
  /** Event and endpoint pairs that have not been accepted, of endpoints that are waited for. */
  lost: number;
  /** Acceptances after a pair's first. */
  duplicated: number;
  /** Pairs that arrived with another `webhook-id` or another body than before. */
  mismatched: number;
  /** From publication to the first arrival, by the endpoint's label. Milliseconds. */
  latencyMs: Record<string, Percentiles>;
  received: number;
  lastArrivalMs: number;
}

/** What an ordered endpoint may never see. Since the start. */
export interface OrderAccount {
  lanes: number;
  /** Arrivals before an earlier event of the lane was accepted, or after a later one was. */
  outOfOrder: number;
  /** Sequence headers that don't rise by one, or name another predecessor than the last accepted. */
  badSequences: number;
  /** Requests without such headers. */
  unsequenced: number;
}

interface Pair {
  readonly publication: Publication;
  firstMs: number | null;
  arrivals: number;
  accepted: number;
  digest: string | null;
  mismatched: number;
}

interface Lane {
  /** In order of publication. */
  readonly ids: string[];
  /** How many of them, from the first on, were accepted. */
  done: number;
  lastSequence: number;
  lastAccepted: number;
  /** When the last of them was acknowledged. */
  acknowledgedAtMs: number;
}

/** Double-entry bookkeeping of a load: every publication against every receipt. */
export class Ledger {
  readonly #endpoints = new Map<string, LedgerEndpoint>();
  readonly #pairs = new Map<string, Map<string, Pair>>();
  readonly #lanes = new Map<string, Lane>();
  readonly #order = { outOfOrder: 0, badSequences: 0, unsequenced: 0 };
  readonly #events = new Map<number, number>();
  /** Awaited pairs of each run that have not been accepted. */
  readonly #missing = new Map<number, number>();
  /** Ids that came without having been published. */
  readonly strays = new Set<string>();

  constructor(endpoints: readonly LedgerEndpoint[]) {
    for (const endpoint of endpoints) {
      this.#endpoints.set(endpoint.endpointId, endpoint);
      this.#pairs.set(endpoint.endpointId, new Map());
    }
  }

  missing(run: number): number {
    return this.#missing.get(run) ?? 0;
  }

  /** Before the message leaves, or its receipt could come first. */
  publish(publication: Publication): void {
    const { id, run, lane, hearers } = publication;
    this.#events.set(run, (this.#events.get(run) ?? 0) + 1);
    for (const { endpointId, awaited, ordered } of hearers) {
      const pair = { publication, firstMs: null, arrivals: 0, accepted: 0, digest: null, mismatched: 0 };
      this.#pairs.get(endpointId)?.set(id, pair);
      if (awaited) this.#missing.set(run, this.missing(run) + 1);
      if (ordered) this.#lane(endpointId, lane).ids.push(id);
    }
  }

  /** @returns whether the run that it belongs to is complete now */
  receive(receipt: Receipt): boolean {
    const { endpointId, id, atMs, accepted, digest } = receipt;
    const pair = this.#pairs.get(endpointId)?.get(id);
    const endpoint = this.#endpoints.get(endpointId);
    if (pair === undefined || endpoint === undefined) {
      this.strays.add(id);
      return false;
    }
    if (endpoint.ordered) this.#receiveInLane(endpointId, pair, receipt);
    pair.arrivals += 1;
    pair.firstMs ??= atMs;
    if (pair.digest !== null && pair.digest !== digest) pair.mismatched += 1;
    pair.digest ??= digest;
    if (!accepted) return false;
    pair.accepted += 1;
    const { run } = pair.publication;
    if (pair.accepted === 1 && endpoint.awaited) this.#missing.set(run, this.missing(run) - 1);
    return this.missing(run) === 0;
  }

  /** @param run null: all of them */
  account(run: number | null): Account {
    const latencies = new Map<string, number[]>();
    const total: Account = {
      events:
        run === null ? [...this.#events.values()].reduce((a, b) => a + b, 0) : (this.#events.get(run) ?? 0),
      lost: 0,
      duplicated: 0,
      mismatched: 0,
      latencyMs: {},
      received: 0,
      lastArrivalMs: 0,
    };
    for (const { endpointId, label, awaited } of this.#endpoints.values())
      for (const pair of this.#pairs.get(endpointId)?.values() ?? []) {
        if (run !== null && pair.publication.run !== run) continue;
        if (pair.accepted === 0 && awaited) total.lost += 1;
        total.duplicated += Math.max(0, pair.accepted - 1);
        total.mismatched += pair.mismatched;
        total.received += pair.arrivals;
        if (pair.firstMs === null) continue;
        total.lastArrivalMs = Math.max(total.lastArrivalMs, pair.firstMs);
        const ofLabel = latencies.get(label) ?? [];
        ofLabel.push(pair.firstMs - pair.publication.atMs);
        latencies.set(label, ofLabel);
      }
    total.latencyMs = Object.fromEntries(
      [...latencies].map(([label, values]) => [label, percentiles(values)]),
    );
    return total;
  }

  order(): OrderAccount {
    return { lanes: this.#lanes.size, ...this.#order };
  }

  #lane(endpointId: string, lane: string): Lane {
    const key = `${endpointId} ${lane}`;
    const found = this.#lanes.get(key) ?? {
      ids: [],
      done: 0,
      lastSequence: 0,
      lastAccepted: 0,
      acknowledgedAtMs: 0,
    };
    this.#lanes.set(key, found);
    return found;
  }

  /** The head of a lane may arrive again and again; nothing else may arrive. */
  #receiveInLane(
    endpointId: string,
    pair: Pair,
    { id, atMs, answeredAtMs, accepted, sequence, previousSequence }: Receipt,
  ): void {
    const lane = this.#lane(endpointId, pair.publication.lane);
    const position = lane.ids.indexOf(id, Math.max(0, lane.done - 1));
    // A crash between the POST and its record repeats the one that was accepted last.
    const isRepeat = position === lane.done - 1;
    const isNext = position === lane.done && atMs >= lane.acknowledgedAtMs;
    if (!isRepeat && !isNext) this.#order.outOfOrder += 1;
    if (sequence === null) this.#order.unsequenced += 1;
    else if (pair.arrivals === 0) {
      if (sequence !== lane.lastSequence + 1 || previousSequence !== lane.lastAccepted)
        this.#order.badSequences += 1;
      lane.lastSequence = sequence;
    }
    if (!accepted || isRepeat) return;
    if (position === lane.done) {
      lane.done += 1;
      lane.acknowledgedAtMs = answeredAtMs;
    }
    if (sequence !== null) lane.lastAccepted = sequence;
  }
}
