import type { Answer, Behaviour } from '../helpers/receiver.ts';
import type { CaseState } from './storage.ts';

export const [down, gone, up] = [{ status: 500 }, { status: 410 }, { status: 204 }];

/** What a case's partner does. `state` reads what the tables hold of the case. */
export type PartnerBehaviour = (state: () => CaseState) => Behaviour;

/**
 * Answers so until that has led to what it is to lead to, and well from then on. To count requests would not do: the
 * outcome of an attempt may die with its function, and a machine that is busy takes longer from one to the next. But no
 * delivery is answered so more than `atMost` times: what it is to lead to may be the very thing that a fault prevents.
 */
export const until =
  (
    isReached: (state: CaseState) => boolean,
    { answer = down, atMost }: { answer?: Answer; atMost: number },
  ): PartnerBehaviour =>
  (state) => {
    let isOver = false;
    return ({ attempt }) => {
      isOver ||= attempt > atMost || isReached(state());
      return isOver ? up : answer;
    };
  };
