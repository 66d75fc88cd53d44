import { instantToMs } from '../../schemas/instant.ts';
import type { HandOutWindows } from '../shared/hand-out-window.ts';
import type { Run } from './run.ts';

/** From one run to the next: what a run hands out is spread over them. */
export const windowSeconds = 60;

/** Seconds of a run's own. Epoch milliseconds; `endMs` is the next run's. */
export interface Window {
  startMs: number;
  endMs: number;
}

/** Who is given what, and when: one for all shards of a run. */
export interface Pace {
  /**
   * When an endpoint's next turn is (epoch milliseconds); null when it has no more in this run, and the rest stays for later
   * ones. `perSecond` is the endpoint's own limit, if it has a lower one.
   */
  take(endpointId: string, perSecond?: number): number | null;
  /** So many of its turns were not used, and are given again. */
  giveBack(endpointId: string, turns: number): void;
}

export interface PaceOptions extends Window {
  perSecond: number;
  /** Epoch milliseconds. */
  now: () => number;
}

/**
 * Turns one after the other, `perSecond` of each endpoint, in a window. A run gives turns in its own window only: it can't
 * know what later runs find, and so no two of them together exceed the pace. It gives none of a second that is over, however
 * long it takes to look through what is due: all of them would come at once.
 */
export function createPace(options: PaceOptions): Pace {
  const given = new Map<string, number>();
  const seconds = Math.floor((options.endMs - options.startMs) / 1_000);
  return {
    take(endpointId, ownPerSecond = options.perSecond) {
      const perSecond = Math.min(ownPerSecond, options.perSecond);
      const secondsOver = Math.max(0, Math.floor((options.now() - options.startMs) / 1_000));
      const before = Math.max(given.get(endpointId) ?? 0, Math.ceil(secondsOver * perSecond));
      const offset = Math.floor(before / perSecond);
      if (offset >= seconds) return null;
      given.set(endpointId, before + 1);
      return options.startMs + offset * 1_000;
    },
    giveBack(endpointId, turns) {
      given.set(endpointId, Math.max((given.get(endpointId) ?? 0) - turns, 0));
    },
  };
}

/** The window of a run: what no other run has of the minute that begins with it. Nothing, when one has just begun. */
export async function claimWindow(windows: HandOutWindows, { now }: Run): Promise<Window> {
  const { from, until } = await windows.claim(now, windowSeconds);
  return { startMs: instantToMs(from), endMs: instantToMs(until) };
}
