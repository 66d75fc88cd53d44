import { instantFromMs, instantToMs } from '../../schemas/instant.ts';
import { TowercastError } from '../shared/errors.ts';
import type { HandOutWindows } from '../shared/hand-out-window.ts';
import type { Run } from './run.ts';

/** Seconds of a run's own: what it hands out is spread over them, and the next run's follow. */
export const windowSeconds = 60;
/** SQS holds a message back for 15 minutes at most. */
const maxAheadSeconds = 900 - windowSeconds;

/** Who is given what, and when: one for all shards of a run. */
export interface Pace {
  /**
   * When an endpoint's next turn is (epoch milliseconds); null when it has no more in this run, and the rest stays for later
   * ones. `perSecond` is the endpoint's own limit, if it has a lower one.
   */
  take(endpointId: string, perSecond?: number): number | null;
}

export interface PaceOptions {
  /** Of the run's window, in epoch milliseconds. */
  startMs: number;
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
  return {
    take(endpointId, ownPerSecond = options.perSecond) {
      const perSecond = Math.min(ownPerSecond, options.perSecond);
      const secondsOver = Math.max(0, Math.floor((options.now() - options.startMs) / 1_000));
      const before = Math.max(given.get(endpointId) ?? 0, Math.ceil(secondsOver * perSecond));
      const offset = Math.floor(before / perSecond);
      if (offset >= windowSeconds) return null;
      given.set(endpointId, before + 1);
      return options.startMs + offset * 1_000;
    },
  };
}

/**
 * When the first window starts that no other run hands out into: epoch milliseconds. Throws TowercastError `windows_ahead`
 * when many runs at once have handed out as far ahead as the queue can hold back.
 */
export async function claimWindow(windows: HandOutWindows, { now }: Run): Promise<number> {
  const nowMs = instantToMs(now);
  const latest = instantFromMs(nowMs + maxAheadSeconds * 1_000);
  const start = await windows.claim({ now, seconds: windowSeconds, latest });
  if (start === null) throw new TowercastError('windows_ahead', 'other runs have handed out far ahead');
  return instantToMs(start);
}
