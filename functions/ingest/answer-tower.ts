import { addMs } from '../../schemas/instant.ts';
import type { TowerProgress } from '../../schemas/entity.ts';
import type { Instant } from '../../schemas/primitives.ts';
import { gapsOf } from '../domain/tower.ts';
import type { TowerDownlink } from '../shared/tower-downlink.ts';

export interface AnswerDeps {
  downlink: TowerDownlink;
  /** A fresh, unique name for a command. */
  newId: () => string;
}

export interface Answer {
  towerId: string;
  made: readonly TowerProgress[];
  now: Instant;
}

/** A tower that reads the command later has been asked again by then. */
const resendLifeMs = 10 * 60_000;
/** A tower whose sequence is full of holes is asked for the first of them. */
const maxCommands = 10;

/**
 * Tells the tower what is safe and asks for what is missing. What was committed stays committed whether or not the
 * broker takes it: returns the failures.
 *
 * Only heartbeats and arrays are answered. An answer to every message would double the bill, and between messages that
 * are processed side by side there are gaps that close by themselves; one that is there at the next heartbeat is
 * asked for at each until it is filled, so that a command may get lost.
 */
export async function answerTower({ downlink, newId }: AnswerDeps, answer: Answer): Promise<unknown[]> {
  const { towerId, made, now } = answer;
  const expiresAt = addMs(now, resendLifeMs);
  const acks = made.map(({ boot, contiguous }) => downlink.acknowledge(towerId, { boot, seq: contiguous }));
  const commands = made
    .flatMap((progress) => gapsOf(progress).map(({ from, to }) => ({ boot: progress.boot, from, to })))
    .slice(0, maxCommands)
    .map((gap) => downlink.command(towerId, { commandId: newId(), type: 'resend', ...gap, expiresAt }));
  const settled = await Promise.allSettled([...acks, ...commands]);
  return settled.filter((result) => result.status === 'rejected').map((result): unknown => result.reason);
}
