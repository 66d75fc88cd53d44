import type { DomainEvent } from '../../schemas/event.ts';
import type { NetworkStore } from '../network/store.ts';
import { settleLockerOpenRequest, settleReservation } from '../network/operations.ts';
import type { Deed } from './casting.ts';
import { eventIdOfMessage, type Ledger } from './ledger.ts';
import type { DemoLine } from './line.ts';
import type { Tower, TowerReport } from './tower.ts';

export interface StageOptions {
  store: NetworkStore;
  towers: readonly Tower[];
  ledger: Ledger;
  print: (line: DemoLine) => void;
}

/** Where the demo's stories are played: towers publish, operators ask. Each event makes a line. */
export class Stage {
  readonly #store: NetworkStore;
  readonly #towers: ReadonlyMap<string, Tower>;
  readonly #ledger: Ledger;
  readonly #print: (line: DemoLine) => void;

  constructor({ store, towers, ledger, print }: StageOptions) {
    this.#ledger = ledger;
    this.#print = print;
    this.#towers = new Map(towers.map((tower) => [tower.towerId, tower]));
    this.#store = { ...store, commit: (unit) => this.#commit(store, unit) };
  }

  /** Resolves when the tower has its PUBACK, or the request is stored. */
  async perform(deed: Deed): Promise<void> {
    switch (deed.kind) {
      case 'report':
        return this.#report(deed.towerId, deed.reports, deed.say);
      case 'reserve':
        await settleReservation(this.#store, deed.reservation);
        return;
      case 'request':
        await settleLockerOpenRequest(this.#store, deed.request);
    }
  }

  /** Every tower says that it started. */
  async open(): Promise<void> {
    for (const towerId of this.#towers.keys())
      await this.#report(towerId, [{ type: 'tower.started', firmware: '4.2.0' }], 'the tower has started');
  }

  /** Every tower says that it is alive, which makes no event. */
  async heartbeat(): Promise<void> {
    for (const tower of this.#towers.values()) await tower.publish({ type: 'tower.heartbeat' });
  }

  async #report(towerId: string, reports: readonly TowerReport[], say: string): Promise<void> {
    const tower = this.#towers.get(towerId);
    if (tower === undefined) throw new TypeError(`The demo has no tower ${towerId}`);
    const messages = reports.map((report) => tower.stamp(report));
    const now = nowMs();
    for (const message of messages) {
      this.#ledger.add(eventIdOfMessage(towerId, message), now);
      const locker = 'locker' in message ? message.locker : null;
      this.#print({ kind: 'event', at: new Date(now), towerId, locker, what: message.type, detail: say });
    }
    const [only] = messages;
    await tower.send(messages.length === 1 && only !== undefined ? only : messages);
  }

  async #commit(store: NetworkStore, unit: Parameters<NetworkStore['commit']>[0]) {
    const now = nowMs();
    const outcome = await store.commit(unit);
    for (const event of outcome.kind === 'committed' ? unit.events : []) {
      this.#ledger.add(event.id, now);
      const { towerId, locker, type } = event;
      this.#print({ kind: 'event', at: new Date(now), towerId, locker, what: type, detail: asked(event) });
    }
    return outcome;
  }
}

const nowMs = (): number => performance.timeOrigin + performance.now();

/** What a partner or an operator asked for. */
function asked({ partnerIds: [partnerId], data }: DomainEvent): string {
  if ('reservationId' in data) return `${partnerId} asked for ${data.reservationId}`;
  if ('requestId' in data && data.tokenId === null)
    return `${partnerId} sent a link, request ${data.requestId}`;
  if ('requestId' in data) return `${data.clientInfo ?? 'someone'} uses the link, token ${data.tokenId}`;
  return `${partnerId} asked for it`;
}
