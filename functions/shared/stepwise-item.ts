import { setTimeout as wait } from 'node:timers/promises';
import { TowercastError } from './errors.ts';

/** What a step makes of a state; the same object when it changes nothing. */
export interface Stepped<State, Result> {
  state: State;
  result: Result;
}

export interface StepwiseItemOptions<Ref, State> {
  /** Names the item. */
  nameOf: (ref: Ref) => string;
  /** What is stored now, read consistently; the initial state when nothing is. */
  load: (ref: Ref) => Promise<State>;
  /** Stores `after` if `before` still is what is stored, and gives what stands then. Null when it isn't. */
  replace: (ref: Ref, before: State, after: State) => Promise<State | null>;
}

export interface StepwiseItem<Ref, State> {
  /**
   * Takes a step from what is stored and returns its result. `step` is pure and may be asked several times. `seen` is
   * what the caller has read, if it has: that saves reading it again. Throws TowercastError `item_contended` when
   * others were ahead each time.
   */
  take<Result>(ref: Ref, step: (state: State) => Stepped<State, Result>, seen?: State): Promise<Result>;
}

interface Waiting<State> {
  /** Takes the step and returns the state after it. */
  advance: (state: State) => State;
  succeed: () => void;
  fail: (error: unknown) => void;
}

interface Line<State> {
  waiting: Waiting<State>[];
  isMoving: boolean;
  /** As last seen here. Others may have changed it since: only a write proves that they haven't. */
  known: State | null;
}

const maxTries = 12;
const maxBackoffMs = 100;
/** Lines that are remembered for what they know. */
const maxLines = 1_000;

/**
 * An item that many functions change at the same time, by optimistic locking. Steps of this process that wait for each
 * other go into one write, so that processes compete for it, and not each of their tasks.
 */
export function createStepwiseItem<Ref, State>(
  options: StepwiseItemOptions<Ref, State>,
): StepwiseItem<Ref, State> {
  const lines = new Map<string, Line<State>>();

  const lineOf = (ref: Ref): Line<State> => {
    const name = options.nameOf(ref);
    const line = lines.get(name) ?? { waiting: [], isMoving: false, known: null };
    // The one used longest ago makes room.
    lines.delete(name);
    lines.set(name, line);
    for (const [other, { isMoving }] of lines) {
      if (lines.size <= maxLines) break;
      if (!isMoving) lines.delete(other);
    }
    return line;
  };

  const move = async (ref: Ref, line: Line<State>): Promise<void> => {
    line.isMoving = true;
    while (line.waiting.length > 0) {
      const steps = line.waiting.splice(0);
      try {
        line.known = await takeAll(options, ref, line.known, steps);
        for (const { succeed } of steps) succeed();
      } catch (error) {
        line.known = null;
        for (const { fail } of steps) fail(error);
      }
    }
    line.isMoving = false;
  };

  return {
    take: <Result>(ref: Ref, step: (state: State) => Stepped<State, Result>, seen?: State) =>
      new Promise<Result>((resolve, reject) => {
        let last: { result: Result } | null = null;
        const line = lineOf(ref);
        line.known ??= seen ?? null;
        line.waiting.push({
          advance(state) {
            const { state: next, result } = step(state);
            last = { result };
            return next;
          },
          succeed: () => last !== null && resolve(last.result),
          fail: reject,
        });
        // In the next turn, so that what comes at the same time goes together.
        if (!line.isMoving) {
          line.isMoving = true;
          setImmediate(() => void move(ref, line));
        }
      }),
  };
}

/** Takes steps one after the other in one write, and returns what stands then. */
async function takeAll<Ref, State>(
  { nameOf, load, replace }: StepwiseItemOptions<Ref, State>,
  ref: Ref,
  known: State | null,
  steps: readonly Waiting<State>[],
): Promise<State> {
  let before = known;
  for (let tries = 1; tries <= maxTries; tries += 1) {
    const isFresh = before === null;
    before ??= await load(ref);
    const after = steps.reduce((state, { advance }) => advance(state), before);
    if (after === before && isFresh) return after;
    const stored: State | null = after === before ? null : await replace(ref, before, after);
    if (stored !== null) return stored;
    before = null;
    if (tries > 1) await wait(Math.random() * Math.min(2 ** tries, maxBackoffMs));
  }
  throw new TowercastError('item_contended', `${nameOf(ref)}: others were ahead ${maxTries} times`);
}
