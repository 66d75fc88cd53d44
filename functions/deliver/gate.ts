import type { Attempt, DeliveryTask } from '../../schemas/delivery.ts';
import type { Instant } from '../../schemas/primitives.ts';
import type { KnownEndpoint } from '../shared/endpoint-directory.ts';
import type { Channel } from '../shared/queue.ts';
import type { Verdict } from './classify.ts';

/** What an attempt came to. */
export interface Made {
  attempt: Attempt;
  verdict: Verdict;
}

/** Whether an attempt may be made now. Nothing but `go` makes one, and nothing else counts as one. */
export type Entry =
  /**
   * `begin` is called when the request is about to go out: the time that it takes counts from then on. `leave` is called exactly
   * once: with what came of the attempt, or null when none was made after all. Until then it is watched: any attempt that takes
   * too long, a replay's or a test's too, marks its endpoint as slow.
   */
  | { kind: 'go'; begin: () => void; leave: (made: Made | null) => Promise<void> }
  /** Again after a delay of at most 900 s. `slotAt`: the turn that it has then. */
  | { kind: 'later'; delaySeconds: number; slotAt?: Instant; reason: string }
  /** Into the endpoint's backlog. */
  | { kind: 'park'; reason: string }
  /** Over the queue of the slow. */
  | { kind: 'divert' };

/** Stands before each attempt: breaker, rate, concurrency. See gate/create-gate.ts. */
export interface Gate {
  enter(endpoint: KnownEndpoint, task: DeliveryTask, channel: Channel): Promise<Entry>;
}

export const openGate: Gate = {
  enter: async () => ({ kind: 'go', begin: () => {}, leave: async () => {} }),
};
