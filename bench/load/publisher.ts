import { setTimeout as sleep } from 'node:timers/promises';
import { forEachAtMost } from '../../functions/shared/concurrency.ts';
import { connectTower, type Tower, type TowerReport } from '../../local/demo/tower.ts';
import { eventIdOf, eventKey } from '../../schemas/event-id.ts';
import type { TowerMessage } from '../../schemas/tower-message.ts';
import { hearersOf, reportsOf, towerIdOf, type GroupPlan } from './plan.ts';
import type { Publication } from './ledger.ts';

/** Connections that are being opened at a time. */
const connecting = 50;
const pubackMs = 120_000;

interface TowerQueue {
  readonly number: number;
  readonly tower: Tower;
  readonly reports: TowerReport[];
}

export interface PublishOptions {
  readonly run: number;
  readonly messages: number;
  readonly perSecond: number | null;
  readonly arrayBytes: number | null;
  /** Told of each event before its message leaves. */
  readonly note: (publication: Publication) => void;
}

export const nowMs = (): number => performance.timeOrigin + performance.now();

/** The towers of a group. Each sends its next report when the last one has its PUBACK. */
export class Publisher {
  readonly #group: GroupPlan;
  readonly #queues: TowerQueue[] = [];

  constructor(group: GroupPlan) {
    this.#group = group;
  }

  async connect(mqtt: string): Promise<void> {
    const numbers = Array.from({ length: this.#group.towers }, (_, index) => index);
    const queues = new Map<number, TowerQueue>();
    await forEachAtMost(connecting, numbers, async (number) => {
      const tower = await connectTower({ url: mqtt, towerId: towerIdOf(this.#group, number) });
      queues.set(number, { number, tower, reports: reportsOf(this.#group, number) });
    });
    this.#queues.push(...numbers.flatMap((number) => queues.get(number) ?? []));
  }

  /** Sends the next messages of the towers in turn; at a rate, at even distances. Resolves with the publications made. */
  async publish(options: PublishOptions): Promise<number> {
    const startMs = nowMs();
    let left = options.messages;
    let publications = 0;
    // Where the last run ended, the next one begins, so that all towers get their turn.
    const turns = this.#queues.splice(0);
    const done: TowerQueue[] = [];
    const next = async (): Promise<void> => {
      while (left > 0) {
        const queue = turns.shift();
        if (queue === undefined) return;
        const reports = this.#take(queue, left, options.arrayBytes);
        if (reports.length === 0) {
          done.push(queue);
          continue;
        }
        left -= reports.length;
        const turn = publications++;
        if (options.perSecond !== null)
          await sleep(Math.max(0, startMs + (turn * 1000) / options.perSecond - nowMs()));
        await this.#send(queue, reports, options);
        turns.push(queue);
      }
    };
    // As many at a time as there are towers: whoever has its PUBACK goes to the end of the line.
    await Promise.all(turns.slice().map(() => next()));
    this.#queues.push(...turns, ...done);
    return publications;
  }

  #take({ reports }: TowerQueue, limit: number, arrayBytes: number | null): TowerReport[] {
    if (arrayBytes === null) return reports.splice(0, Math.min(1, limit));
    let bytes = 2;
    let count = 0;
    // The envelope of a message is `v`, `boot`, `seq` and `at`.
    const envelope = 100;
    for (const report of reports.slice(0, limit)) {
      bytes += JSON.stringify(report).length + envelope;
      if (bytes > arrayBytes) break;
      count += 1;
    }
    return reports.splice(0, count);
  }

  async #send({ number, tower }: TowerQueue, reports: TowerReport[], options: PublishOptions): Promise<void> {
    const messages = reports.map((report) => tower.stamp(report));
    const atMs = nowMs();
    for (const message of messages) {
      const locker = 'locker' in message ? message.locker : null;
      options.note({
        id: idOf(tower, message),
        run: options.run,
        atMs,
        lane: `${tower.towerId}-${locker ?? 0}`,
        hearers: hearersOf(this.#group, number, locker),
      });
    }
    const [single] = messages;
    const isSingle = options.arrayBytes === null && single !== undefined;
    await acknowledged(tower, tower.send(isSingle ? single : messages));
  }
}

/** Rejects when there is no PUBACK in time: nobody watches a benchmark. */
function acknowledged({ towerId }: Tower, sending: Promise<void>): Promise<void> {
  return new Promise((resolve, reject) => {
    const deadline = setTimeout(
      () => reject(new Error(`${towerId} had no PUBACK within ${pubackMs / 1000} s`)),
      pubackMs,
    );
    sending.then(resolve, reject).finally(() => clearTimeout(deadline));
  });
}

const idOf = ({ towerId }: Tower, message: TowerMessage): string =>
  eventIdOf(eventKey(towerId, 'locker' in message ? message.locker : null, message.at, message));
