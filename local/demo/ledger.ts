import { nameOfEvent, type EventName } from './event-name.ts';

/** Enough for the retries of an hour. */
const capacity = 10_000;

/** When each event of this run was caused, to tell how long it was on its way. */
export class Ledger {
  readonly #causedAtMs = new Map<EventName, number | null>();
  readonly #underWay = new Set<Promise<unknown>>();

  /** `atMs`: null for an event that others caused. */
  add(name: EventName, atMs: number | null): void {
    this.#causedAtMs.set(name, atMs);
    const [oldest] = this.#causedAtMs.keys();
    if (this.#causedAtMs.size > capacity && oldest !== undefined) this.#causedAtMs.delete(oldest);
  }

  has(eventId: string): boolean {
    return this.#causedAtMs.has(nameOfEvent(eventId));
  }

  /** Milliseconds from its cause until `atMs`; null when that was not ours. */
  latencyMs(eventId: string, atMs: number): number | null {
    const causedAtMs = this.#causedAtMs.get(nameOfEvent(eventId)) ?? null;
    return causedAtMs === null ? null : atMs - causedAtMs;
  }

  /** Does something that causes events, and adds them at its end: a webhook may be faster than the API's answer. */
  async during<T>(work: Promise<T>): Promise<T> {
    this.#underWay.add(work);
    try {
      return await work;
    } finally {
      this.#underWay.delete(work);
    }
  }

  /** Resolves when everything is in that is under way now. */
  async complete(): Promise<void> {
    await Promise.allSettled(this.#underWay);
  }
}
