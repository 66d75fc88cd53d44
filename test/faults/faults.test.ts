import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { waitFor } from '../helpers/stack-process.ts';
import { boundaries, plannedCases, unusedPermissions, type PlannedCase } from './boundaries.ts';
import { tagOf } from './call.ts';
import { Control } from './control.ts';
import { boundaryName, type FaultInput } from './fault-plan.ts';
import { functions, startFaultWorld, type FaultWorld } from './fault-world.ts';
import { isKill } from './modes.ts';
import { permissionsIn } from './permissions.ts';
import { Wave, type TaggedCase } from './wave.ts';

const kills = ({ faults }: PlannedCase): boolean => faults.some(({ mode }) => isKill(mode));
const isOf =
  (name: string) =>
  ({ faults }: PlannedCase): boolean =>
    faults.some((fault) => fault.function === name);
const holdsUpTheStream = isOf('FanOutFunction');
const stopsTheClock = isOf('TimersFunction');

const groups = [
  {
    name: 'calls that fail, are late, lose their answer or happen twice',
    cases: plannedCases.filter((one) => !kills(one) && !holdsUpTheStream(one)),
    // A neighbour's trouble costs nothing but a share of two cores.
    control: { medianMs: 5_000, slowestMs: 60_000, repeats: 0 },
  },
  {
    name: 'the same of fan-out, whose records wait for each other',
    cases: plannedCases.filter((one) => !kills(one) && holdsUpTheStream(one)),
    control: { medianMs: 30_000, slowestMs: 90_000, repeats: Infinity },
  },
  {
    name: 'functions that die before and after each call',
    cases: plannedCases.filter((one) => kills(one) && !stopsTheClock(one)),
    // What a neighbour's death took along comes back after the queue's visibility timeout.
    control: { medianMs: 10_000, slowestMs: 60_000, repeats: Infinity },
  },
  {
    name: 'timers that die, whose runs are for all',
    cases: plannedCases.filter((one) => kills(one) && stopsTheClock(one)),
    control: { medianMs: 5_000, slowestMs: 60_000, repeats: 0 },
  },
];

const print = (line: string): boolean => process.stdout.write(`${line}\n`);

let world: FaultWorld;
let used = 0;
const waves: Wave[] = [];
const startedAt = performance.now();

const tagged = (cases: readonly PlannedCase[]): TaggedCase[] =>
  cases.map((one) => ({ ...one, tag: tagOf((used += 1)) }));

const sum = (figure: (wave: Wave) => number): number =>
  waves.reduce((total, wave) => total + figure(wave), 0);

beforeAll(async () => {
  world = await startFaultWorld();
});
afterAll(async () => {
  await world?.[Symbol.asyncDispose]();
  const seconds = Math.round((performance.now() - startedAt) / 1_000);
  print(
    `${world.plan.injected} faults injected in ${sum(({ started }) => started)} cases ` +
      `over ${new Set(boundaries.map(boundaryName)).size} boundaries; ` +
      `survived ${sum(({ survived }) => survived)} cases, in ${seconds} s`,
  );
});

describe.each(groups)('$name', ({ cases, control: bounds }) => {
  const named = tagged(cases);
  const controlTag = tagOf((used += 1));
  let wave: Wave;
  let control: Control;

  beforeAll(async () => {
    wave = new Wave(world, named);
    waves.push(wave);
    control = new Control(world, controlTag);
    await wave.load([control.own]);
    control.start();
  });
  afterAll(async () => {
    await wave?.cleanUp();
  });

  for (const { tag, name } of named)
    it.concurrent(`${tag} ${name}`, async () => {
      expect(await wave.run(tag)).toEqual([]);
    });

  it('lost nothing, repeated nothing, and tore nothing apart, once all is quiet', async () => {
    // With a new event every moment, a slow machine's queues would never be seen empty.
    await control.stop();
    expect(await wave.violations()).toEqual([]);
  });

  it('left the neighbour alone', async () => {
    await control.stop();
    const figures = await control.figures(60_000);
    print(
      `beside them ${figures.published} events, ${figures.requests} requests, half of them within ${Math.round(figures.medianMs)} ms, all within ${Math.round(figures.slowestMs)} ms`,
    );
    expect(figures.published).toBeGreaterThan(0);
    expect(figures.arrived).toBe(figures.published);
    expect(figures.medianMs).toBeLessThan(bounds.medianMs);
    expect(figures.slowestMs).toBeLessThan(bounds.slowestMs);
    expect(figures.requests - figures.published).toBeLessThanOrEqual(bounds.repeats);
    // One event for each, and no other.
    await waitFor(() => (world.state(controlTag).events.length >= figures.published ? true : undefined), {
      timeoutMs: 10_000,
      describe: () => `${figures.published} events`,
    });
    expect(world.state(controlTag).events).toHaveLength(figures.published);
  });
});

type PlannedFault = Omit<FaultInput, 'tag'>;

const faultName = (fault: PlannedFault): string => `${boundaryName(fault)} ${fault.mode}`;

/** The one that a case is for comes last. */
function ownFault({ name, faults }: PlannedCase): PlannedFault {
  const own = faults.at(-1);
  if (own === undefined) throw new TypeError(`${name} has no fault`);
  return own;
}

/** Cases whose fault was done to nobody yet: a neighbour's was done to the call that they shared. One for each fault. */
function openCases(): PlannedCase[] {
  const done = new Set(
    world.plan.faults.filter(({ injected }) => injected > 0).map(({ input }) => faultName(input)),
  );
  const open = plannedCases.filter((one) => one.faults.length > 0 && !done.has(faultName(ownFault(one))));
  return [...new Map(open.map((one) => [faultName(ownFault(one)), one])).values()];
}

async function runAlone(cases: readonly TaggedCase[]): Promise<void> {
  const wave = new Wave(world, cases);
  waves.push(wave);
  await wave.load();
  // Those of one call one after the other: that is what they shared.
  const ofOneCall = Map.groupBy(cases, (one) => boundaryName(ownFault(one)));
  await Promise.all(
    [...ofOneCall.values()].map(async (some) => {
      for (const { tag } of some) await wave.run(tag);
    }),
  );
  expect(await wave.violations()).toEqual([]);
}

describe('faults that were done to nobody beside others', () => {
  it('are done without them, and survived', async () => {
    // The few that are left may take each other along once more: a batch of fan-out that is given up, say.
    for (let round = 1; round <= 3 && openCases().length > 0; round += 1) {
      print(
        `done to nobody yet: ${openCases()
          .map(({ name }) => name)
          .join('; ')}`,
      );
      await runAlone(tagged(openCases()));
    }
    expect(openCases().map(({ name }) => name)).toEqual([]);
  });
});

it('nothing went wrong but what was made to', () => {
  expect(world.errors).toEqual([]);
});

it('every call that a function made has its faults', () => {
  const known = new Set(boundaries.map(boundaryName));
  expect([...world.plan.seen.keys()].filter((name) => !known.has(name))).toEqual([]);
});

it('every call that a function may make is made, or known not to be', async () => {
  const permitted = await permissionsIn(world.stack.dataDir, functions);
  const unused = [...permitted].flatMap(([name, permissions]) =>
    permissions
      .filter((permission) => world.plan.needed.get(name)?.has(permission) !== true)
      .map((permission) => `${name} ${permission}`),
  );
  expect(unused.filter((permission) => !(permission in unusedPermissions))).toEqual([]);
});
