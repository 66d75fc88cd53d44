import { setTimeout as wait } from 'node:timers/promises';
import { towerFlows } from './tower-flows.ts';
import { FaultCase } from './fault-case.ts';
import type { FaultWorld } from './fault-world.ts';
import { connectTower } from '../helpers/tower.ts';

const everyMs = 400;

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

  /** What became of its events: how many, how often each came, and the longest way in milliseconds. */
  async figures(
    timeoutMs: number,
  ): Promise<{ published: number; arrived: number; requests: number; medianMs: number; slowestMs: number }> {
    const { inbox } = this.own;
    await inbox.waitForAccepted(this.#publishedAt.size, timeoutMs);
    const ways = inbox.requests.map(
      ({ id, arrivedAtMs }) => arrivedAtMs - (this.#publishedAt.get(sourceOf(id)) ?? 0),
    );
    return {
      published: this.#publishedAt.size,
      arrived: inbox.accepted.size,
      requests: inbox.requests.length,
      medianMs: ways.toSorted((a, b) => a - b)[Math.floor(ways.length / 2)] ?? 0,
      slowestMs: Math.max(...ways),
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
