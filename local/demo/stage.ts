import { OpenCommandSchema, type OpenCommand } from '../../schemas/tower-command.ts';
import type { ApiClient } from './api-client.ts';
import type { Deed } from './casting.ts';
import { nameOfMessage } from './event-name.ts';
import type { Ledger } from './ledger.ts';
import type { DemoLine } from './line.ts';
import type { Call, Offer, Outcome, Report } from './stories/step.ts';
import type { Tower } from './tower.ts';

export interface StageOptions {
  api: ApiClient;
  /** Base URL of the API, for people. */
  apiUrl: string;
  towers: readonly Tower[];
  ledger: Ledger;
  print: (line: DemoLine) => void;
}

/** Where the demo's stories are played: towers publish, partners call the API. Each event makes a line. */
export class Stage {
  readonly #api: ApiClient;
  readonly #apiUrl: string;
  readonly #towers: ReadonlyMap<string, Tower>;
  readonly #ledger: Ledger;
  readonly #print: (line: DemoLine) => void;

  constructor({ api, apiUrl, towers, ledger, print }: StageOptions) {
    this.#api = api;
    this.#apiUrl = apiUrl;
    this.#ledger = ledger;
    this.#print = print;
    this.#towers = new Map(towers.map((tower) => [tower.towerId, tower]));
  }

  /** Resolves when the tower has its PUBACK, or the API has answered. Throws ApiError when that refuses. */
  async perform(deed: Deed): Promise<Outcome> {
    switch (deed.kind) {
      case 'report':
        return this.#report(deed);
      case 'call':
        return this.#ledger.during(this.#call(deed));
      case 'offer':
        return this.#offer(deed);
    }
  }

  /** Every tower says that it started. */
  async open(): Promise<void> {
    for (const towerId of this.#towers.keys())
      await this.#report({
        kind: 'report',
        towerId,
        reports: [{ type: 'tower.started', firmware: '4.2.0' }],
        say: 'the tower has started',
      });
  }

  /** Every tower says that it is alive, which makes no event. */
  async heartbeat(): Promise<void> {
    for (const tower of this.#towers.values()) await tower.publish({ type: 'tower.heartbeat' });
  }

  /** Whoever pressed a button: also a person at this machine. */
  onOpenCommand(listener: (towerId: string, command: OpenCommand) => void): void {
    for (const tower of this.#towers.values())
      tower.onCommand((command) => {
        const open = OpenCommandSchema.safeParse(command);
        if (open.success) listener(tower.towerId, open.data);
      });
  }

  async #report({ towerId, reports, say, about }: Report): Promise<Outcome> {
    const tower = this.#towers.get(towerId);
    if (tower === undefined) throw new TypeError(`The demo has no tower ${towerId}`);
    const messages = reports.map((report) => tower.stamp(report));
    const now = nowMs();
    for (const message of messages) {
      this.#ledger.add(about?.name ?? nameOfMessage(towerId, message), now);
      const locker = about?.locker ?? ('locker' in message ? message.locker : null);
      this.#print({
        kind: 'event',
        at: new Date(now),
        where: towerId,
        locker,
        what: message.type,
        detail: say,
      });
    }
    const [only] = messages;
    await tower.send(messages.length === 1 && only !== undefined ? only : messages);
    return { kind: 'published', messages };
  }

  #offer({ place, path, flow }: Offer): Outcome {
    this.#print({
      kind: 'offer',
      at: new Date(),
      where: place.towerId,
      locker: place.locker,
      what: flow === 'dropoff' ? 'you may open it' : 'you may empty it',
      detail: `${this.#apiUrl}${path}`,
    });
    return { kind: 'nothing' };
  }

  async #call({ clientId, request, followUp, tell }: Call): Promise<Outcome> {
    const now = nowMs();
    const first = await this.#api.send(clientId, request);
    const answer = followUp === undefined ? first : await this.#api.send(followUp.clientId, followUp.request);
    for (const { name, ...told } of tell(answer)) {
      this.#ledger.add(name, now);
      this.#print({ kind: 'event', at: new Date(now), ...told });
    }
    return { kind: 'answered', answer };
  }
}

const nowMs = (): number => performance.timeOrigin + performance.now();
