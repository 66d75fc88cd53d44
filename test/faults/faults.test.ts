import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { waitFor } from '../helpers/stack-process.ts';
import { boundaries, plannedCases, type PlannedCase } from './boundaries.ts';
import { tagOf } from './call.ts';
import { Control } from './control.ts';
import { FaultCase } from './fault-case.ts';
import { boundaryName } from './fault-plan.ts';
import { startFaultWorld, type FaultWorld } from './fault-world.ts';
import { loadCases } from './load-cases.ts';

const kills = ({ faults }: PlannedCase): boolean => faults.some(({ mode }) => mode.startsWith('kills'));
const holdsUpTheStream = ({ faults }: PlannedCase): boolean =>
  faults.some((fault) => fault.function === 'FanOutFunction');

/** Cases of a wave run side by side, each with a tower and a partner of its own. */
const waves = [
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
    cases: plannedCases.filter(kills),
    // What a neighbour's death took along comes back after the queue's visibility timeout.
    control: { medianMs: 10_000, slowestMs: 60_000, repeats: Infinity },
  },
];

const print = (line: string): boolean => process.stdout.write(`${line}\n`);

let world: FaultWorld;
let used = 0;
let survived = 0;
const startedAt = performance.now();

beforeAll(async () => {
  world = await startFaultWorld();
});
afterAll(async () => {
  await world?.[Symbol.asyncDispose]();
  const seconds = Math.round((performance.now() - startedAt) / 1_000);
  print(
    `${world.plan.injected} faults injected at ${boundaries.length} boundaries in ${plannedCases.length} cases, ` +
      `${survived} cases survived, in ${seconds} s`,
  );
});

async function waiting(): Promise<number> {
  const queues = Object.keys(world.stack.queues).filter((id) => id.includes('Deliver'));
  const depths = await Promise.all(queues.map((id) => world.depth(id)));
  return depths.reduce((sum, depth) => sum + depth, 0);
}

describe.each(waves)('$name', ({ cases, control: bounds }) => {
  const named = cases.map((planned) => ({ ...planned, tag: tagOf((used += 1)) }));
  const running = new Map<string, FaultCase>();
  /** All, unless only some were asked for by name. */
  const started: FaultCase[] = [];
  const ended = new Set<string>();
  const controlTag = tagOf((used += 1));
  let control: Control;

  beforeAll(async () => {
    for (const one of named) running.set(one.tag, new FaultCase(world, one));
    control = new Control(world, controlTag);
    await loadCases(world, [...running.values(), control.own]);
    control.start();
  });

  it.concurrent.each(named)('$tag $name', async ({ tag }) => {
    const one = running.get(tag);
    if (one !== undefined) started.push(one);
    const unmet = await one?.run();
    expect(unmet).toEqual([]);
    ended.add(tag);
  });

  it('lost nothing, repeated nothing, and tore nothing apart, once all is quiet', async () => {
    // With a new event every moment, a slow machine's queues would never be seen empty.
    await control.stop();
    await waitFor(async () => ((await waiting()) === 0 ? true : undefined), {
      timeoutMs: 60_000,
      describe: () => 'empty delivery queues',
    });
    const found = started.flatMap((one) => {
      const violations = one.violations();
      if (violations.length > 0) ended.delete(one.tag);
      return violations.map((violation) => `${one.tag} ${one.flow.name}: ${violation}`);
    });
    survived += ended.size;
    expect(found).toEqual([]);
  });

  it('left the neighbour alone', async () => {
    await control.stop();
    const figures = await control.figures(60_000);
    print(
      `beside them ${figures.published} events, ${figures.requests} requests, half of them within ${Math.round(figures.medianMs)} ms, all within ${Math.round(figures.slowestMs)} ms`,
    );
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

it('nothing went wrong but what was made to', () => {
  expect(world.errors).toEqual([]);
});

it('every call that a function made has its faults', () => {
  const known = new Set(boundaries.map(boundaryName));
  expect([...world.plan.seen.keys()].filter((name) => !known.has(name))).toEqual([]);
  const hit = new Set(
    world.plan.faults.filter(({ injected }) => injected > 0).map(({ input }) => boundaryName(input)),
  );
  // What depends on timing is not made in every run.
  const certain = boundaries.filter(({ sometimes }) => sometimes !== true).map(boundaryName);
  expect(certain.filter((name) => !world.plan.seen.has(name))).toEqual([]);
  expect(certain.filter((name) => !hit.has(name))).toEqual([]);
});
