/** The load generator: towers and receivers in a process of their own, so that they don't share a thread with the stack. */
import { Ledger } from './load/ledger.ts';
import { allEndpoints, endpointsOf, type HearingEndpoint, type Plan } from './load/plan.ts';
import { nowMs, Publisher } from './load/publisher.ts';
import {
  NumberedCommandSchema,
  type Audit,
  type LoadReport,
  type NumberedCommand,
  type RunResult,
} from './load/protocol.ts';
import { startReceivers, type Receivers } from './load/receivers.ts';

class LoadGenerator {
  readonly ledger: Ledger;
  readonly receivers: Receivers;
  readonly #publishers: ReadonlyMap<string, Publisher>;
  readonly #complete: EventTarget;
  readonly #endpointsOf: ReadonlyMap<string, readonly HearingEndpoint[]>;
  #runs = 0;

  private constructor(plan: Plan, ledger: Ledger, receivers: Receivers, complete: EventTarget) {
    this.ledger = ledger;
    this.receivers = receivers;
    this.#publishers = new Map(plan.groups.map((group) => [group.name, new Publisher(group)]));
    this.#complete = complete;
    this.#endpointsOf = new Map(plan.groups.map((group) => [group.name, endpointsOf(group)]));
  }

  static async start(plan: Plan): Promise<LoadGenerator> {
    const endpoints = allEndpoints(plan);
    const ledger = new Ledger(endpoints);
    const complete = new EventTarget();
    const onComplete = () => complete.dispatchEvent(new Event('complete'));
    const receivers = await startReceivers({ endpoints, ledger, onComplete });
    return new LoadGenerator(plan, ledger, receivers, complete);
  }

  async connect(mqtt: string): Promise<void> {
    for (const publisher of this.#publishers.values()) await publisher.connect(mqtt);
  }

  async run(options: RunOptions): Promise<RunResult> {
    const publisher = this.#publishers.get(options.group);
    if (publisher === undefined) throw new Error(`the plan has no group ${options.group}`);
    const run = this.#runs++;
    const startMs = nowMs();
    const note = this.ledger.publish.bind(this.ledger);
    const publications = await publisher.publish({ ...options, run, note });
    const publishedMs = nowMs() - startMs;
    await this.#settled(run, options.settleMs);
    const { events, lost, duplicated, received, latencyMs, lastArrivalMs } = this.ledger.account(run);
    const elapsedMs = Math.max(lastArrivalMs, startMs + publishedMs) - startMs;
    return { events, publications, elapsedMs, publishedMs, lost, duplicated, received, latencyMs };
  }

  book(group: string, eventIds: readonly string[]): void {
    const run = this.#runs++;
    const hearers = this.#endpointsOf.get(group) ?? [];
    for (const id of eventIds) this.ledger.publish({ id, run, atMs: nowMs(), lane: group, hearers });
  }

  audit(): Audit {
    const { events, lost, duplicated, received, mismatched } = this.ledger.account(null);
    return {
      events,
      lost,
      duplicated,
      received,
      mismatched,
      strays: this.ledger.strays.size,
      badSignatures: this.receivers.badSignatures(),
      requestBytes: this.receivers.requestBytes,
      connections: this.receivers.connections(),
      ...this.ledger.order(),
      peakPerSecond: this.receivers.peakPerSecond(),
      peakPerTenSeconds: this.receivers.peakPerTenSeconds(),
    };
  }

  /** What is missing by the end of `settleMs` is counted as lost. */
  #settled(run: number, settleMs: number): Promise<void> {
    return new Promise((resolve) => {
      const settle = () => {
        clearTimeout(timeout);
        this.#complete.removeEventListener('complete', look);
        resolve();
      };
      const look = () => {
        if (this.ledger.missing(run) === 0) settle();
      };
      const timeout = setTimeout(settle, settleMs);
      this.#complete.addEventListener('complete', look);
      look();
    });
  }
}

type Command = NumberedCommand['command'];
type RunOptions = Extract<Command, { type: 'run' }>['options'];

let generator: LoadGenerator | undefined;

async function obey(command: Command): Promise<LoadReport> {
  if (command.type === 'plan') {
    generator = await LoadGenerator.start(command.plan);
    const { ports, authority } = generator.receivers;
    return { type: 'planned', ports, authority };
  }
  if (generator === undefined) throw new Error(`${command.type} came before the plan`);
  switch (command.type) {
    case 'connect':
      await generator.connect(command.mqtt);
      return { type: 'connected' };
    case 'run':
      return { type: 'result', result: await generator.run(command.options) };
    case 'book':
      generator.book(command.group, command.eventIds);
      return { type: 'booked' };
    case 'answer':
      generator.receivers.answer(command.label, command.answer);
      return { type: 'answering' };
    case 'audit':
      return { type: 'audit', audit: generator.audit() };
  }
}

process.on('message', (message) => {
  const { number, command } = NumberedCommandSchema.parse(message);
  obey(command).then(
    (report) => process.send?.({ number, report }),
    (error: unknown) => {
      console.error(error);
      process.exit(1);
    },
  );
});
process.on('disconnect', () => process.exit(0));
