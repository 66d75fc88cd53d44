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
   * The seconds until an endpoint's next turn in this run; null when it has no more, and the rest stays for later runs.
   * `perSecond` is the endpoint's own limit, if it has a lower one.
   */
  take(endpointId: string, perSecond?: number): number | null;
}

/**
 * Turns one after the other, `perSecond` of each endpoint, in a window that starts in `startsInSeconds`. A run gives turns in
 * its own window only: it can't know what later runs find, and so no two of them together exceed the pace.
 */
export function createPace(options: { startsInSeconds: number; perSecond: number }): Pace {
  const given = new Map<string, number>();
  return {
    take(endpointId, perSecond = options.perSecond) {
      const before = given.get(endpointId) ?? 0;
      const offset = Math.floor(before / Math.min(perSecond, options.perSecond));
      if (offset >= windowSeconds) return null;
      given.set(endpointId, before + 1);
      return options.startsInSeconds + offset;
    },
  };
}

/**
 * The seconds until the first window that no other run hands out into. Throws TowercastError `windows_ahead` when many runs
 * at once have handed out as far ahead as the queue can hold back.
 */
export async function claimWindow(windows: HandOutWindows, { now }: Run): Promise<number> {
  const nowMs = instantToMs(now);
  const latest = instantFromMs(nowMs + maxAheadSeconds * 1_000);
  const start = await windows.claim({ now, seconds: windowSeconds, latest });
  if (start === null) throw new TowercastError('windows_ahead', 'other runs have handed out far ahead');
  return Math.ceil((instantToMs(start) - nowMs) / 1_000);
}
