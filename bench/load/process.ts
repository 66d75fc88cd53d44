import { fork, type ChildProcess } from 'node:child_process';
import path from 'node:path';
import {
  NumberedReportSchema,
  type Audit,
  type LoadAnswer,
  type LoadCommand,
  type LoadReport,
  type RunOptions,
  type RunResult,
} from './protocol.ts';
import type { PlanInput, Ports } from './plan.ts';

/** The load generator, seen from the benchmark. One thing at a time, except that `run`s of two groups may overlap. */
export interface LoadProcess {
  readonly pid: number;
  /** Where its receivers listen. */
  readonly ports: Ports;
  /** PEM: whom to trust to reach those that speak TLS. */
  readonly authority: string;
  connect(mqtt: string): Promise<void>;
  run(options: RunOptions): Promise<RunResult>;
  /** Accounts for events that every endpoint of the group is to get by another way than a publication of its towers. */
  book(group: string, eventIds: readonly string[]): Promise<void>;
  /** From now on. */
  answer(label: string, answer: LoadAnswer): Promise<void>;
  audit(): Promise<Audit>;
  stop(): void;
}

export async function startLoad(plan: PlanInput): Promise<LoadProcess> {
  const child = fork(path.join(import.meta.dirname, '..', 'load.ts'), {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const conversation = new Conversation(child);
  const { ports, authority } = await conversation.ask({ type: 'plan', plan }, 'planned');
  return {
    pid: child.pid ?? 0,
    ports,
    authority,
    connect: async (mqtt) => {
      await conversation.ask({ type: 'connect', mqtt }, 'connected');
    },
    run: async (options) => (await conversation.ask({ type: 'run', options }, 'result')).result,
    book: async (group, eventIds) => {
      await conversation.ask({ type: 'book', group, eventIds: [...eventIds] }, 'booked');
    },
    answer: async (label, answer) => {
      await conversation.ask({ type: 'answer', label, answer }, 'answering');
    },
    audit: async () => (await conversation.ask({ type: 'audit' }, 'audit')).audit,
    stop: () => {
      if (child.connected) child.disconnect();
    },
  };
}

type ReportOf<T extends LoadReport['type']> = Extract<LoadReport, { type: T }>;

/** Commands and reports carry a number, so that runs may overlap. */
class Conversation {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, PromiseWithResolvers<LoadReport>>();
  #next = 1;

  constructor(child: ChildProcess) {
    this.#child = child;
    child.on('message', (message) => {
      const { number, report } = NumberedReportSchema.parse(message);
      this.#waiting.get(number)?.resolve(report);
      this.#waiting.delete(number);
    });
    child.once('exit', (code) => {
      for (const { reject } of this.#waiting.values())
        reject(new Error(`The load generator ended with status ${code}`));
    });
  }

  async ask<T extends LoadReport['type']>(command: LoadCommand, expected: T): Promise<ReportOf<T>> {
    const number = this.#next++;
    const answer = Promise.withResolvers<LoadReport>();
    this.#waiting.set(number, answer);
    this.#child.send({ number, command });
    const report = await answer.promise;
    if (isOf(report, expected)) return report;
    throw new Error(`The load generator said ${report.type}, not ${expected}`);
  }
}

const isOf = <T extends LoadReport['type']>(report: LoadReport, type: T): report is ReportOf<T> =>
  report.type === type;
