import type { WaitingDelivery } from '../shared/due-deliveries.ts';

/** What is due, in the order in which it is handed out: the first of each endpoint, then the second of each, and so on. */
export interface Rounds {
  /** The longest overdue first. What finds no room is left to later runs. */
  add(waiting: WaitingDelivery): void;
  inOrder(): WaitingDelivery[];
}

export interface RoundsOptions {
  /** What an endpoint can be given in a run: more of it need not be kept. */
  perEndpoint: number;
  /** What is kept in all. Beyond it the last rounds go first, whosever they are. */
  atMost: number;
}

/**
 * By rounds and not by what is overdue, so that who has much to catch up with keeps nobody else waiting, however little time
 * a run has.
 */
export function createRounds({ perEndpoint, atMost }: RoundsOptions): Rounds {
  const rounds: WaitingDelivery[][] = [];
  const given = new Map<string, number>();
  let kept = 0;
  /** Rounds that there may be. */
  let most = perEndpoint;
  return {
    add(waiting) {
      const round = given.get(waiting.endpointId) ?? 0;
      if (round >= most) return;
      given.set(waiting.endpointId, round + 1);
      (rounds[round] ??= []).push(waiting);
      kept += 1;
      if (kept <= atMost) return;
      rounds.at(-1)?.pop();
      kept -= 1;
      if (rounds.at(-1)?.length === 0) rounds.pop();
      // What followed would come before what was left out.
      most = rounds.length;
    },
    inOrder: () => rounds.flat(),
  };
}
