import { waitFor } from '../helpers/stack-process.ts';
import type { PlannedCase } from './boundaries.ts';
import { FaultCase } from './fault-case.ts';
import type { FaultWorld } from './fault-world.ts';
import { loadCases } from './load-cases.ts';

export type TaggedCase = PlannedCase & { readonly tag: string };

/** Cases that run side by side, each with a tower and a partner of its own. */
export class Wave {
  readonly #world: FaultWorld;
  readonly #running: ReadonlyMap<string, FaultCase>;
  /** All, unless only some were asked for by name. */
  readonly #started: FaultCase[] = [];
  readonly #ended = new Set<string>();

  constructor(world: FaultWorld, cases: readonly TaggedCase[]) {
    this.#world = world;
    this.#running = new Map(cases.map((one) => [one.tag, new FaultCase(world, one)]));
  }

  /** Loads what all of them need, and another one's. */
  async load(others: readonly FaultCase[] = []): Promise<void> {
    await loadCases(this.#world, [...this.#running.values(), ...others]);
  }

  /** How many were started. */
  get started(): number {
    return this.#started.length;
  }

  /** How many came to their end. */
  get survived(): number {
    return this.#ended.size;
  }

  /** Resolves with the calls that no fault met; rejects when there is no end. */
  async run(tag: string): Promise<string[]> {
    const one = this.#running.get(tag);
    if (one === undefined) throw new TypeError(`no case ${tag}`);
    this.#started.push(one);
    const unmet = await one.run();
    if (unmet.length === 0) this.#ended.add(tag);
    return unmet;
  }

  /** What the promises say against them, once all is quiet. */
  async violations(): Promise<string[]> {
    await waitFor(async () => ((await this.#depth()) === 0 ? true : undefined), {
      timeoutMs: 60_000,
      describe: () => 'empty delivery queues',
    });
    return this.#started.flatMap((one) => {
      const violations = one.violations();
      if (violations.length > 0) this.#ended.delete(one.tag);
      return violations.map((violation) => `${one.tag} ${one.flow.name}: ${violation}`);
    });
  }

  /** Takes what they have left out of the way of those that come after. */
  async cleanUp(): Promise<void> {
    await this.#world.cleanUp(new Set(this.#started.map(({ tag }) => tag)));
  }

  async #depth(): Promise<number> {
    const queues = Object.keys(this.#world.stack.queues).filter((id) => id.includes('Deliver'));
    const depths = await Promise.all(queues.map((id) => this.#world.depth(id)));
    return depths.reduce((sum, depth) => sum + depth, 0);
  }
}
