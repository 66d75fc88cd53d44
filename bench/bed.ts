import { createWriteStream, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { loadNetwork } from '../local/network/load.ts';
import { startStack, type LocalStack, type StackOptions } from '../local/stack.ts';
import { synthesize } from '../local/synthesize.ts';
import { NetworkFileSchema } from '../schemas/network.ts';
import { startLoad, type LoadProcess } from './load/process.ts';
import { askForOrder } from './load/ordered-endpoints.ts';
import { allEndpoints, networkOf, PlanSchema, speaksTls, type PlanInput } from './load/plan.ts';
import { figuresBetween, type FunctionFigures, type Stats } from './measure/function-figures.ts';
import { functionBytes, residentBytes } from './measure/memory.ts';
import { collectGarbage } from './profile/inspector.ts';
import type { ScenarioContext } from './scenario.ts';

export interface BedOptions {
  readonly name: string;
  readonly plan: PlanInput;
  /** Differences from the stage `local`; costs a synthesis. */
  readonly stageConfig?: object;
  readonly dynamodbEndpoint?: string;
  /** Variables that a function has beside its own, by its logical id. */
  readonly variablesOf?: (logicalId: string) => Readonly<Record<string, string>>;
  /** See StackOptions. */
  readonly streamIdleMs?: number;
}

/** A running stack under a load generator, its network loaded and its towers connected. */
export interface Bed extends AsyncDisposable {
  readonly stack: LocalStack;
  readonly load: LoadProcess;
  /** Resident memory of all processes but the load generator's, with every function warm and nothing to do. */
  readonly idleBytes: number;
  /** What the functions did while `work` ran and until nothing moved any more. */
  measure<T>(work: () => Promise<T>): Promise<Measured<T>>;
  /** Resident bytes of the function's largest process, by logical id. */
  memory(): Record<string, number>;
  /** The same once what no longer is in use was collected, of these functions. */
  memoryInUse(logicalIds: readonly string[]): Promise<Record<string, number>>;
}

export interface Measured<T> {
  readonly result: T;
  readonly functions: Record<string, FunctionFigures>;
}

export async function openBed(context: ScenarioContext, options: BedOptions): Promise<Bed> {
  await using opening = new AsyncDisposableStack();
  const log = createWriteStream(path.join(context.folder, `${options.name}.log`));
  opening.defer(() => void log.end());
  const plan = PlanSchema.parse(options.plan);
  const load = await startLoad(options.plan);
  opening.defer(() => load.stop());
  const stack = await startStack({
    dataDir: path.join(context.folder, options.name),
    mqttPort: 0,
    httpPort: 0,
    assembly: await assemblyOf(context, options),
    ...environmentOf(context, options, load.authority),
    ...(options.dynamodbEndpoint !== undefined && { dynamodbEndpoint: options.dynamodbEndpoint }),
    ...(options.streamIdleMs !== undefined && { streamIdleMs: options.streamIdleMs }),
    log: (line) => log.write(`${line}\n`),
  });
  opening.defer(() => stack.stop());
  const idleBytes = residentBytes(process.pid, new Set([load.pid]));
  await loadNetwork(stack, NetworkFileSchema.parse(networkOf(plan, load.ports)));
  await askForOrder(stack, allEndpoints(plan));
  await load.connect(stack.addresses.mqtt);
  // What the loader made happen has to be out of the way.
  await quiet(() => stack.stats());
  const open = opening.move();
  const largest = (logicalId: string): number =>
    Math.max(0, ...stack.functionPids(logicalId).map(functionBytes));
  return {
    stack,
    load,
    idleBytes,
    async measure(work) {
      const before = stack.stats();
      const result = await work();
      await quiet(() => stack.stats());
      return { result, functions: figuresBetween(before, stack.stats()) };
    },
    memory: () =>
      Object.fromEntries(Object.keys(stack.functions).map((logicalId) => [logicalId, largest(logicalId)])),
    async memoryInUse(logicalIds) {
      // One after the other: they share the inspector's port. One that has idled for long may have ended meanwhile.
      for (let pass = 1; pass <= collections; pass += 1)
        for (const pid of logicalIds.flatMap((logicalId) => stack.functionPids(logicalId)))
          if (functionBytes(pid) > 0) await collectGarbage(pid);
      return Object.fromEntries(logicalIds.map((logicalId) => [logicalId, largest(logicalId)]));
    },
    [Symbol.asyncDispose]: () => open.disposeAsync(),
  };
}

/** What the first finds unused is given back to the system while others have their turn. */
const collections = 2;

/** The functions' own, and what a scenario or the load generator's receivers ask for. */
function environmentOf(
  context: ScenarioContext,
  options: BedOptions,
  authority: string,
): Pick<StackOptions, 'functionEnvironment'> {
  const trust = trusting(context, options, authority);
  const { variablesOf = () => ({}) } = options;
  return { functionEnvironment: (logicalId, usual) => ({ ...usual, ...trust, ...variablesOf(logicalId) }) };
}

/**
 * Has the functions trust who signed the certificates of the load generator's receivers, beside those whom Node trusts: what
 * is checked stays as it is in AWS. Where none of them speaks TLS, the functions are left as they are.
 */
function trusting(
  { folder }: ScenarioContext,
  { name, plan }: BedOptions,
  authority: string,
): Record<string, string> {
  if (!allEndpoints(PlanSchema.parse(plan)).some(speaksTls)) return {};
  const file = path.join(folder, `${name}-authority.pem`);
  writeFileSync(file, authority);
  return { NODE_EXTRA_CA_CERTS: file };
}

async function assemblyOf(context: ScenarioContext, { name, stageConfig }: BedOptions): Promise<string> {
  if (stageConfig === undefined) return context.assembly;
  const outDir = path.join(context.folder, `${name}-assembly`);
  await synthesize({ outDir, stageConfig: JSON.stringify(stageConfig) });
  return outDir;
}

/** Resolves when no function ended an invocation for a second, or after half a minute: timers may have come in between. */
async function quiet(stats: () => Stats): Promise<void> {
  const count = () => Object.values(stats()).reduce((sum, { invocations }) => sum + invocations, 0);
  const deadline = Date.now() + 30_000;
  for (let last = -1; last !== count() && Date.now() < deadline; await sleep(1000)) last = count();
}

/** Enough for every function's code to be warm and compiled. */
export const warmUpMessages = (context: ScenarioContext): number => (context.quick ? 300 : 1_500);
