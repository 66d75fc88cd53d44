import { createWriteStream } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { loadNetwork } from '../local/network/load.ts';
import { startStack, type FunctionStats } from '../local/stack.ts';
import { measureBundles, type BundleFigures } from './bundles.ts';
import type { RunResult } from './load-protocol.ts';
import { startLoad } from './load-process.ts';
import { residentBytes } from './memory.ts';
import type { BenchOptions } from './options.ts';
import { makePlan } from './plan.ts';

export interface Deployment {
  /** For data and logs. */
  folder: string;
  assembly: string;
}

export interface LoadFigures {
  startPhasesMs: Readonly<Record<string, number>>;
  /** Of the stack with every function warm and nothing to do. */
  idleBytes: number;
  throughput: RunResult;
  latency: RunResult;
  /** Over the throughput run, by logical id of the function. */
  functions: Record<string, FunctionFigures>;
  bundles: Record<string, BundleFigures>;
}

export interface FunctionFigures {
  invocations: number;
  errors: number;
  cpuMsPerEvent: number;
  /** By service and operation. */
  requestsPerEvent: Record<string, number>;
}

/** Starts the stack, then one run as fast as it goes and one at a steady rate. */
export async function measureLoad(
  options: BenchOptions,
  { folder, assembly }: Deployment,
): Promise<LoadFigures> {
  const log = createWriteStream(path.join(folder, 'load.log'));
  const load = await startLoad();
  const stack = await startStack({
    dataDir: path.join(folder, 'load'),
    mqttPort: 0,
    httpPort: 0,
    assembly,
    log: (line) => log.write(`${line}\n`),
  });
  try {
    const bundles = measureBundles(stack, assembly);
    const idleBytes = residentBytes(process.pid, new Set([load.pid]));
    const latencyEvents = options.rate * options.seconds;
    const total = warmUpEvents + options.events + latencyEvents;
    await loadNetwork(stack, makePlan(total, options.towers, load.urls).network);
    await load.connect(stack.addresses.mqtt, total, options.towers);
    await load.run(warmUpEvents, null);
    // What the loader made happen has to be out of the way.
    await quiet(() => stack.stats());
    const before = stack.stats();
    const throughput = await load.run(options.events, null);
    await quiet(() => stack.stats());
    const functions = figuresOf(before, stack.stats(), throughput.events);
    const latency = await load.run(latencyEvents, options.rate);
    return { startPhasesMs: stack.phases, idleBytes, throughput, latency, functions, bundles };
  } finally {
    load.stop();
    await stack.stop();
    log.end();
  }
}

/** Enough for every function to be warm and compiled. */
const warmUpEvents = 300;

type Stats = Readonly<Record<string, FunctionStats>>;

/** Resolves when no function was invoked for half a second. */
async function quiet(stats: () => Stats): Promise<void> {
  const count = () => Object.values(stats()).reduce((sum, { invocations }) => sum + invocations, 0);
  for (let last = -1; last !== count(); await sleep(500)) last = count();
}

function figuresOf(before: Stats, after: Stats, events: number): Record<string, FunctionFigures> {
  const figures: Record<string, FunctionFigures> = {};
  for (const [logicalId, now] of Object.entries(after)) {
    const then = before[logicalId];
    const requests = Object.entries(now.requests).map(([operation, count]): [string, number] => [
      operation,
      (count - (then?.requests[operation] ?? 0)) / events,
    ]);
    figures[logicalId] = {
      invocations: now.invocations - (then?.invocations ?? 0),
      errors: now.errors - (then?.errors ?? 0),
      cpuMsPerEvent: (now.cpuMs - (then?.cpuMs ?? 0)) / events,
      requestsPerEvent: Object.fromEntries(requests.filter(([, count]) => count > 0)),
    };
  }
  return figures;
}
