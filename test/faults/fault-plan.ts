import type { Call } from './call.ts';
import { isLasting, timesOf, type Mode } from './modes.ts';

export interface Boundary {
  /** Logical id. */
  readonly function: string;
  /** See Call. */
  readonly call: string;
}

export interface FaultInput extends Boundary {
  readonly tag: string;
  readonly mode: Mode;
  /** Lets this many calls pass first. */
  readonly skip?: number;
  /** Why it may come to its end without such a call. */
  readonly mayMiss?: string;
  /** Takes calls that name no case: a query for all that is due, say. */
  readonly anonymous?: boolean;
}

/** A fault that waits for its call. */
export class Fault {
  readonly input: FaultInput;
  injected = 0;
  #isShared = false;
  #toSkip: number;
  #lifted = false;

  constructor(input: FaultInput) {
    this.input = input;
    this.#toSkip = input.skip ?? 0;
  }

  get mode(): Mode {
    return this.input.mode;
  }

  get lasts(): boolean {
    return !this.#lifted && isLasting(this.mode);
  }

  /** It met its call as often as it should, or that call was shared with another case and met that one's fault. */
  get met(): boolean {
    return this.#isShared || this.injected >= (isLasting(this.mode) ? 1 : timesOf(this.mode));
  }

  /** Another case's fault was done to its call too. */
  share(): void {
    this.#isShared = true;
  }

  lift(): void {
    this.#lifted = true;
  }

  concerns({ tags }: Call): boolean {
    return tags.includes(this.input.tag) || (this.input.anonymous === true && tags.length === 0);
  }

  /** What was to be done to its call could not be done: it waits for another. */
  missed(): void {
    this.injected -= 1;
  }

  /** True when this call is the one. */
  take(): boolean {
    if (this.#lifted || this.injected >= timesOf(this.mode)) return false;
    if (this.#toSkip > 0) {
      this.#toSkip -= 1;
      return false;
    }
    this.injected += 1;
    return true;
  }
}

const nameOf = (boundary: Boundary): string => `${boundary.function} ${boundary.call}`;

/** Which call is to go wrong, and what was called. */
export class FaultPlan {
  /** Everything that functions called, by `function call`. */
  readonly seen = new Map<string, number>();
  readonly faults: Fault[] = [];
  /** What those calls need to be permitted, by function. */
  readonly needed = new Map<string, Set<string>>();
  readonly #waiting = new Map<string, Fault[]>();

  arm(input: FaultInput): Fault {
    const fault = new Fault(input);
    this.faults.push(fault);
    const name = nameOf(input);
    this.#waiting.set(name, [...(this.#waiting.get(name) ?? []), fault]);
    return fault;
  }

  /** What must go wrong with this call: the first fault of one of its cases. */
  next(call: Call): Fault | null {
    const name = nameOf({ function: call.function, call: call.name });
    this.seen.set(name, (this.seen.get(name) ?? 0) + 1);
    const needed = this.needed.get(call.function) ?? new Set();
    this.needed.set(call.function, needed);
    for (const permission of call.permissions) needed.add(permission);
    const concerned = this.#waiting.get(name)?.filter((one) => one.concerns(call)) ?? [];
    const fault = concerned.find((one) => one.take());
    if (fault === undefined) return null;
    for (const other of concerned) if (other !== fault) other.share();
    return fault;
  }

  get injected(): number {
    return this.faults.reduce((sum, { injected }) => sum + injected, 0);
  }
}

export const boundaryName = nameOf;
