import { setTimeout as wait } from 'node:timers/promises';
import { signIn } from '../helpers/api-client.ts';
import { connectTower, type Tower, type TowerOptions } from '../helpers/tower.ts';
import type { Inbox } from '../helpers/receiver.ts';
import { numberOf } from './call.ts';
import type { Fault, FaultInput } from './fault-plan.ts';
import type { FaultWorld } from './fault-world.ts';
import type { Flow, NetworkInput, Scene } from './flow.ts';
import { isHarmless, isKill } from './modes.ts';
import { violations, isSettled } from './promises.ts';
import { caseSecret } from './secret.ts';

export interface CaseInput {
  readonly tag: string;
  readonly flow: Flow;
  /** Empty for one that nothing is done to. */
  readonly faults: readonly Omit<FaultInput, 'tag'>[];
}

const isOfMany: ReadonlySet<string> = new Set(['FanOutFunction', 'TimersFunction']);

/** A fault, or none, on a flow of its own. */
export class FaultCase {
  readonly tag: string;
  readonly flow: Flow;
  readonly faults: Fault[] = [];
  readonly #world: FaultWorld;
  readonly #inputs: CaseInput['faults'];
  readonly #towers: Tower[] = [];
  readonly inbox: Inbox;
  #refusals = 0;
  /** Whether what the flow asks for was asked for. */
  #isDriven = false;

  constructor(world: FaultWorld, { tag, flow, faults }: CaseInput) {
    this.#world = world;
    this.tag = tag;
    this.flow = flow;
    this.#inputs = faults;
    const behaviour = flow.behaviour?.(() => world.state(tag));
    this.inbox = world.receiver.expect(`/${tag}`, {
      secret: caseSecret,
      ...(behaviour !== undefined && { behaviour }),
    });
  }

  get wasPutBack(): boolean {
    return this.#world.lost.has(this.tag);
  }

  /** A batch of fan-out and a run of timers are of many cases: one that fails or is cut off for another's sake repeats this one too. */
  get mayRepeat(): boolean {
    return (
      this.flow.repeats === true ||
      !this.#inputs.every(({ mode, function: name }) => isHarmless(mode) && !isOfMany.has(name))
    );
  }

  network(): Required<Pick<NetworkInput, 'towers' | 'partners' | 'endpoints' | 'reservations'>> {
    const { tag, flow } = this;
    const dueAfterSeconds = dueAfter(flow, tag);
    const own = flow.network?.(tag, dueAfterSeconds) ?? {};
    const types = flow.told ?? flow.events;
    return {
      towers: [{ towerId: tag, partnerIds: [tag], lockers: [{ locker: 1 }] }],
      partners: [{ partnerId: tag, clientIds: [tag] }],
      endpoints: [
        {
          endpointId: tag,
          partnerId: tag,
          url: this.#world.partnerUrl(`/${tag}`),
          contract: 'standard',
          secret: caseSecret,
          filter: { types: [...types] },
          ...(flow.dueAfterSeconds && {
            scheduleSeconds: [0, ...Array.from({ length: 12 }, () => dueAfterSeconds)],
          }),
          ...flow.endpoint,
        },
      ],
      reservations: own.reservations ?? [],
    };
  }

  /** Before its network is loaded: what is due does not wait for anybody. */
  arm(): void {
    this.#arm(({ anonymous }) => anonymous !== true);
  }

  #arm(isNow: (input: CaseInput['faults'][number]) => boolean): void {
    for (const input of this.#inputs.filter(isNow))
      this.faults.push(this.#world.plan.arm({ ...input, tag: this.tag }));
  }

  /** From the fault to the end of the flow. Resolves with the calls that no fault met; rejects when there is no end. */
  async run(): Promise<string[]> {
    // What concerns all cases must not begin while this one waits for its turn behind them: they would wait for it.
    this.#arm(({ anonymous }) => anonymous === true);
    const driving = this.#drive();
    const lifting = this.#liftWhenSeen();
    try {
      await Promise.all([driving, lifting]);
      await this.#until('the end of the flow', () => this.#isOver());
    } finally {
      for (const fault of this.faults) fault.lift();
      await Promise.allSettled([driving, lifting]);
      await Promise.all(this.#towers.map((tower) => tower.disconnect()));
    }
    return this.#mayMiss ? [] : this.faults.flatMap(({ met, input }) => (met ? [] : [input.call]));
  }

  async #drive(): Promise<void> {
    await this.flow.drive(this.#scene());
    this.#isDriven = true;
  }

  /** Where neighbours take processes down with them, work may come by another way: past what leads to a kill, too. */
  get #mayMiss(): boolean {
    return this.#inputs.some(({ mode, mayMiss }) => isKill(mode) || mayMiss !== undefined);
  }

  /** What the promises say against it, once everything is quiet. */
  violations(): string[] {
    return violations(this, this.#world.state(this.tag));
  }

  /** A fault that lasts is repaired when an operator could have seen it, or when it did no harm. */
  async #liftWhenSeen(): Promise<void> {
    for (const fault of this.faults) {
      if (!fault.lasts) continue;
      await this.#until(`somebody to see that ${fault.input.call} fails`, async () => {
        const mayComeYet = !fault.met && !this.#isDriven;
        return (await this.#seen(fault)) || (!mayComeYet && this.#isOver());
      });
      fault.lift();
    }
  }

  /** What names no case is called again and again, also when this one needs it no more. */
  #isOver(): boolean {
    const isMet = this.faults.every(({ met, input }) => met || input.anonymous !== true);
    return isMet && isSettled(this, this.#world.state(this.tag));
  }

  async #seen(fault: Fault): Promise<boolean> {
    const { input, injected } = fault;
    // A neighbour's fault took it along.
    if (this.#world.lost.has(this.tag)) fault.share();
    if (!fault.met) return false;
    const { deliveries, quarantined, entities } = this.#world.state(this.tag);
    const attempted = injected >= 4;
    return (
      this.#world.lost.has(this.tag) ||
      quarantined.length > 0 ||
      this.#refusals > 0 ||
      this.#world.isHeldUp(this.tag) ||
      deliveries.some(({ status, dueAt }) => status === 'dead' || (status === 'pending' && dueAt != null)) ||
      // The sequence has a gap, or what is due stays due: both are shown per tower and by the alarm of the timers.
      (attempted && entities.some((one) => JSON.stringify(one['ranges'] ?? []) !== '[]')) ||
      (attempted && input.function === 'TimersFunction') ||
      (attempted && input.function === 'DeadLetterFunction' && (await this.#deadLetters()) > 0)
    );
  }

  async #deadLetters(): Promise<number> {
    const depths = await Promise.all(
      ['DeliveryDlq', 'OrderedDeliveryDlq'].map((queue) => this.#world.depth(queue)),
    );
    return depths.reduce((sum, depth) => sum + depth, 0);
  }

  async #until(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
    const deadline = performance.now() + deadlineMs;
    while (!(await condition())) {
      if (performance.now() > deadline)
        throw new Error(`${this.tag} waited in vain for ${what}: ${this.#summary()}`);
      await wait(250);
    }
  }

  #summary(): string {
    const { events, deliveries, quarantined } = this.#world.state(this.tag);
    return JSON.stringify({
      events: events.map(({ id }) => id),
      deliveries: deliveries.map(({ status, dueAt, attempts }) => ({
        status,
        dueAt,
        attempts: attempts.length,
      })),
      quarantined: quarantined.length,
      requests: this.inbox.requests.map(({ id, answer }) => ({ id, answer })),
      faults: this.faults.map(({ injected }) => injected),
      violations: this.violations(),
    });
  }

  #scene(): Scene {
    const { tag, inbox } = this;
    const world = this.#world;
    return {
      world,
      tag,
      inbox,
      until: (what, condition) => this.#until(what, condition),
      state: () => world.state(tag),
      tower: (options) => this.#tower(options),
      partner: () => signIn(world.stack.addresses, tag, 'partner'),
      refused: () => {
        this.#refusals += 1;
      },
    };
  }

  async #tower(options: Partial<TowerOptions> = {}): Promise<Tower> {
    const url = this.#world.stack.addresses.mqtt;
    const tower = await connectTower({ url, towerId: this.tag, boot: 'b1', reconnectMs: 500, ...options });
    this.#towers.push(tower);
    return tower;
  }
}

function dueAfter({ dueAfterSeconds: [least, most] = [0, 0] }: Flow, tag: string): number {
  return least + (numberOf(tag) % (most - least + 1));
}

/** For the slowest way: three receives by a function that dies, the dead-letter queue, the due index. */
const deadlineMs = 180_000;
