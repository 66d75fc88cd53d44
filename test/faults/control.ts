import { setTimeout as wait } from 'node:timers/promises';
import { towerFlows } from './tower-flows.ts';
import { FaultCase } from './fault-case.ts';
import type { FaultWorld } from './fault-world.ts';
import { connectTower } from '../helpers/tower.ts';

const everyMs = 400;

export interface ControlFigures {
  readonly published: number;
  readonly arrived: number;
  readonly requests: number;
  readonly medianMs: number;
  readonly slowestMs: number;
}

/** Promise 4: a tower and a partner that nothing is done to, while everything happens to their neighbours. */
export class Control {
  readonly own: FaultCase;
  readonly #world: FaultWorld;
  readonly #publishedAt = new Map<string, number>();
  #stopped = false;
  #publishing: Promise<void> | undefined;

  constructor(world: FaultWorld, tag: string) {
    this.#world = world;
    this.own = new FaultCase(world, { tag, flow: towerFlows.open, faults: [] });
  }

  start(): void {
    this.#publishing = this.#publish();
  }

  /** It publishes no more. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#publishing;
  }

  /** What became of its events: how many, how often each came, and how long the way to each one's first arrival took, in milliseconds. */
  async figures(timeoutMs: number): Promise<ControlFigures> {
    const { inbox } = this.own;
    await inbox.waitForAccepted(this.#publishedAt.size, timeoutMs);
    // A repeat comes when a queue or an operator gives a batch again, and harms nobody by being late.
    const firsts = [...Map.groupBy(inbox.requests, ({ id }) => id).values()].flatMap(
      ([first]) => first ?? [],
    );
    const ways = firsts
      .map(({ id, arrivedAtMs }) => arrivedAtMs - (this.#publishedAt.get(sourceOf(id)) ?? 0))
      .sort((a, b) => a - b);
    return {
      published: this.#publishedAt.size,
      arrived: inbox.accepted.size,
      requests: inbox.requests.length,
      medianMs: ways[Math.floor(ways.length / 2)] ?? 0,
      slowestMs: ways.at(-1) ?? 0,
    };
  }

  async #publish(): Promise<void> {
    const { tag } = this.own;
    const url = this.#world.stack.addresses.mqtt;
    const tower = await connectTower({ url, towerId: tag, boot: 'b1', reconnectMs: 500 });
    try {
      while (!this.#stopped) {
        const startedAt = performance.timeOrigin + performance.now();
        const { boot, seq } = await tower.publish({ type: 'locker.opened', locker: 1 });
        this.#publishedAt.set(`${boot}-${seq}`, startedAt);
        await wait(everyMs);
      }
    } finally {
      await tower.disconnect();
    }
  }
}

/** Boot and sequence number of the message that an event's id names. */
const sourceOf = (eventId: string): string => eventId.split('_').at(-1) ?? '';
