import { instantFromMs, instantToMs } from '../../schemas/instant.ts';
import type { Instant } from '../../schemas/primitives.ts';
import type { TowerDownlink } from '../shared/tower-downlink.ts';
import type { ProgressMade } from './progress.ts';

export interface AnswerDeps {
  downlink: TowerDownlink;
  /** A fresh, unique name for a command. */
  newId: () => string;
}

export interface Answer {
  towerId: string;
  made: readonly ProgressMade[];
  /** Heartbeats and arrays are acknowledged; an acknowledgement for every message would double the bill. */
  acknowledges: boolean;
  now: Instant;
}

/** A tower that reads the command later has been asked again by then. */
const resendLifeMs = 10 * 60_000;
/** A tower whose sequence is full of holes is asked for the first of them. */
const maxCommands = 10;

/**
 * Tells the tower what is safe and asks for what is missing. What was committed stays committed whether or not the
 * broker takes it: returns the failures.
 */
export async function answerTower({ downlink, newId }: AnswerDeps, answer: Answer): Promise<unknown[]> {
  const { towerId, made, acknowledges, now } = answer;
  const expiresAt = instantFromMs(instantToMs(now) + resendLifeMs);
  const acks = acknowledges
    ? made.map(({ progress }) =>
        downlink.acknowledge(towerId, { boot: progress.boot, seq: progress.contiguous }),
      )
    : [];
  const commands = made
    .flatMap(({ progress, newGaps }) => newGaps.map((gap) => ({ boot: progress.boot, ...gap })))
    .slice(0, maxCommands)
    .map((gap) => downlink.command(towerId, { commandId: newId(), type: 'resend', ...gap, expiresAt }));
  const settled = await Promise.allSettled([...acks, ...commands]);
  return settled.filter((result) => result.status === 'rejected').map((result): unknown => result.reason);
}
