import { eventIdOf, eventKey } from '../../schemas/event-id.ts';
import { toInstant } from '../../schemas/instant.ts';
import type { TowerMessage } from '../../schemas/tower-message.ts';

/** Enough for the retries of an hour. */
const capacity = 10_000;

/** When each event of this run was published, to tell how long it was on its way. */
export class Ledger {
  readonly #publishedAtMs = new Map<string, number | null>();

  /** `atMs`: null for an event that others published. */
  add(eventId: string, atMs: number | null): void {
    this.#publishedAtMs.set(eventId, atMs);
    const [oldest] = this.#publishedAtMs.keys();
    if (this.#publishedAtMs.size > capacity && oldest !== undefined) this.#publishedAtMs.delete(oldest);
  }

  has(eventId: string): boolean {
    return this.#publishedAtMs.has(eventId);
  }

  /** Milliseconds from publication until `atMs`; null when it was not ours. */
  latencyMs(eventId: string, atMs: number): number | null {
    const publishedAtMs = this.#publishedAtMs.get(eventId) ?? null;
    return publishedAtMs === null ? null : atMs - publishedAtMs;
  }
}

/** The id of the event that a tower's message becomes. */
export const eventIdOfMessage = (towerId: string, message: TowerMessage): string =>
  eventIdOf(
    eventKey(towerId, 'locker' in message ? message.locker : null, toInstant(message.at), {
      boot: message.boot,
      seq: message.seq,
    }),
  );
