import { setTimeout as wait } from 'node:timers/promises';
import path from 'node:path';
import { type Broker, startBroker } from './broker.ts';
import { type DataFolder, takeDataFolder } from './data-folder.ts';
import { aws, type EngineOptions, type Engines, startEngines } from './engines/engines.ts';
import { probePort } from './engines/free-port.ts';
import { type HttpServer, type HttpService, startHttpServer } from './engines/http-server.ts';
import { createIotData } from './engines/iot-data.ts';
import { createKms } from './engines/kms.ts';
import { createOidcIssuer, issuerPath } from './engines/oidc.ts';
import { assertApiPermitted, audienceOf, createHttpApi, issuerOf } from './http-api/http-api.ts';
import { createIotPolicy, PolicySchema } from './iot-policy.ts';
import { Functions, type FunctionsOptions } from './lambda/functions.ts';
import type { LocalStack, PollStats } from './local-stack.ts';
import { invocationsPerQueue, MappingSourceSchema } from './mappings/mapping-properties.ts';
import { createResources, type Resources } from './resources.ts';
import { compileCache, stackName, synthesize } from './synthesize.ts';
import { StartError } from './start-error.ts';
import { type QueueAddresses, readAssets, type ServerAddresses, Template } from './template.ts';
import { parkInQueue, startMappings, startSchedules, type Wiring, wireRules } from './triggers.ts';

export type { FunctionStats, LocalStack } from './local-stack.ts';

export interface StackOptions extends EngineOptions {
  readonly dataDir: string;
  /** Removes what the data folder holds first. */
  readonly fresh?: boolean;
  /** 0 picks a free port. */
  readonly mqttPort: number;
  readonly httpPort: number;
  /** JSON that is merged over the defaults of stage `local`. */
  readonly stageConfig?: string | undefined;
  /** A cloud assembly to run instead of synthesizing one. */
  readonly assembly?: string | undefined;
  /**
   * Gives the environment that a function's processes see instead of the one they would: for tests that stand between
   * a function and its engines.
   */
  readonly functionEnvironment?: FunctionsOptions['environment'];
  /**
   * Milliseconds between polls of a stream that has nothing new. Default: 25, for a person who watches. Lambda polls each
   * shard four times a second.
   */
  readonly streamIdleMs?: number;
  /** Gets a line for each thing worth knowing, and each line that a function writes, but for metrics. */
  readonly log: (line: string) => void;
  /** Gets each line that CloudWatch would make metrics of: EMF. Default: they are dropped. */
  readonly onMetrics?: (line: string) => void;
}

/** How long running invocations may go on when the stack stops. What they don't finish comes again at the next start. */
const drainMs = 3000;

/**
 * Starts the synthesized stack on this machine; resolves when it takes messages. Throws StartError, with everything
 * ended again, if it can't.
 */
export async function startStack(options: StackOptions): Promise<LocalStack> {
  await using starting = new AsyncDisposableStack();
  const timer = new PhaseTimer();
  const ground = await prepare(options, timer, starting);
  const { folder, template, engines, queues, resources } = ground;
  const late: Late = {};
  const http = await serveHttp(ground, options, late);
  starting.defer(() => http.stop());
  const functions = createFunctions(ground, http.endpoint, options);
  starting.defer(() => functions.stop(0));
  late.functions = functions;
  const polled = new Map<string, PollStats>();
  const { log, streamIdleMs } = options;
  const wiring: Wiring = { template, engines, queues, functions, folder, polled, streamIdleMs, log };
  const broker = await timer.time('functions', open(wiring, options, starting));
  late.broker = broker;

  const running = starting.move();
  return {
    dataDir: folder.directory,
    addresses: {
      mqtt: broker.address,
      api: http.endpoint,
      oidc: issuerOf(template),
      iotData: http.endpoint,
      kms: http.endpoint,
      ...engines.endpoints,
    },
    aws,
    tables: resources.tables,
    queues: resources.queues,
    buckets: resources.buckets,
    functions: functions.names(),
    secretsKeyArn: resources.key.arn,
    functionEnvironment: (logicalId) => functions.byLogicalId(logicalId).definition.variables,
    functionPids: (logicalId) => functions.byLogicalId(logicalId).pids,
    invoke: (logicalId, event) => functions.byLogicalId(logicalId).invoke(event),
    stats: () => functions.stats(),
    polls: () => Object.fromEntries([...polled].map(([id, polls]) => [id, { ...polls }])),
    phases: timer.phases,
    stop: () => running.disposeAsync(),
  };
}

/** The HTTP services need the broker and the functions, and those need the services' address. */
interface Late {
  broker?: Broker;
  functions?: Functions;
}

/** KMS, the IoT data plane, the HTTP API and the OIDC issuer, on one port. */
async function serveHttp(ground: Ground, { httpPort }: StackOptions, late: Late): Promise<HttpServer> {
  const { template, servers, resources } = ground;
  // It stands for the user pool; a stage with an issuer of its own has none.
  const pools = template.ids('AWS::Cognito::UserPool');
  const oidc = pools.length > 0 ? await createOidcIssuer() : null;
  const api: { service?: HttpService } = {};
  const http = await startHttpServer(
    httpPort,
    [
      createKms(resources.key.file, resources.key.arn),
      createIotData(async (publication) => late.broker?.publish(publication)),
      (request, body) => api.service?.(request, body) ?? Promise.resolve(undefined),
    ],
    oidc === null ? [] : [oidc.take],
  );
  for (const id of template.ids('AWS::ApiGatewayV2::Api')) servers.set(`${id}.ApiEndpoint`, http.endpoint);
  for (const id of pools) servers.set(`${id}.ProviderURL`, `${http.endpoint}${issuerPath}`);
  oidc?.open(`${http.endpoint}${issuerPath}`, audienceOf(template));
  api.service = createHttpApi(template, () => {
    if (late.functions) return late.functions;
    throw new StartError('not_ready', 'the functions are not ready');
  });
  return http;
}

/** What everything else stands on: the template, and the engines with what it stores in them. */
interface Ground {
  readonly folder: DataFolder;
  readonly assembly: string;
  readonly engines: Engines;
  readonly template: Template;
  readonly queues: QueueAddresses;
  readonly servers: ServerAddresses;
  readonly resources: Resources;
}

async function prepare(
  options: StackOptions,
  timer: PhaseTimer,
  starting: AsyncDisposableStack,
): Promise<Ground> {
  const folder = takeDataFolder(options.dataDir, { fresh: options.fresh ?? false });
  starting.defer(() => folder.release());
  await Promise.all([probePort(options.mqttPort, '--mqtt-port'), probePort(options.httpPort, '--http-port')]);
  // Both or neither: an engine that is still starting must be there to be stopped.
  const [assembly, engines] = await allOrThrow(
    timer.time('synthesize', assemble(options, folder.file('assembly'))),
    timer.time('engines', startEngines(folder, options, starting)),
  );
  const queues: QueueAddresses = new Map();
  const servers: ServerAddresses = new Map();
  const template = Template.read(assembly, stackName, queues, servers);
  const resources = await timer.time('resources', createResources(template, engines, queues, folder));
  return { folder, assembly, engines, template, queues, servers, resources };
}

/** Like Promise.all, but a failure waits for the other to settle. */
async function allOrThrow<A, B>(first: Promise<A>, second: Promise<B>): Promise<[A, B]> {
  await Promise.allSettled([first, second]);
  return [await first, await second];
}

/** Processes at once of a function that no queue feeds: they use a core each. */
const otherProcesses = 4;

function createFunctions(
  { template, assembly, engines, queues }: Ground,
  http: string,
  { log, onMetrics, functionEnvironment }: StackOptions,
) {
  const fedByQueue = template
    .resources('AWS::Lambda::EventSourceMapping', MappingSourceSchema)
    .flatMap(({ properties }) =>
      properties.EventSourceArn.includes(':sqs:') ? [properties.FunctionName] : [],
    );
  return new Functions({
    template,
    assets: readAssets(assembly, stackName),
    shared: sharedEnvironment(engines.endpoints, http),
    ...(functionEnvironment !== undefined && { environment: functionEnvironment }),
    concurrency: (name) =>
      fedByQueue.filter((fed) => fed === name).length * invocationsPerQueue || otherProcesses,
    park: parkInQueue({ engines, queues }),
    log: (logicalId, line) => {
      // To people they say nothing that the log lines don't.
      if (line.startsWith('{"_aws"')) onMetrics?.(line);
      else log(`[${logicalId}] ${line}`);
    },
  });
}

/** Lets messages in, once every function is ready for them, and sees to it that they end in order. */
async function open(wiring: Wiring, options: StackOptions, starting: AsyncDisposableStack): Promise<Broker> {
  const { template, functions } = wiring;
  const rules = wireRules(wiring);
  assertApiPermitted(template, functions);
  const policies = template.resources('AWS::IoT::Policy', PolicySchema);
  const policy = createIotPolicy(policies.map(({ properties }) => properties));
  await functions.warm();
  const broker = await startBroker({ port: options.mqttPort, policy, rules, log: options.log });
  starting.defer(() => broker.stop());
  const mappings = await startMappings(wiring);
  const schedules = startSchedules(wiring);
  starting.defer(async () => {
    for (const schedule of schedules) schedule.stop();
    const draining = Promise.all([broker.stop(), ...mappings.map((mapping) => mapping.stop())]);
    await Promise.race([draining, wait(drainMs, undefined, { ref: false })]);
    await functions.stop(0);
    await draining;
  });
  return broker;
}

async function assemble({ assembly, stageConfig }: StackOptions, directory: string): Promise<string> {
  if (assembly !== undefined) return path.resolve(assembly);
  await synthesize({ outDir: directory, stageConfig });
  return directory;
}

function sharedEnvironment(
  endpoints: { readonly dynamodb: string; readonly sqs: string },
  http: string,
): Record<string, string> {
  return {
    PATH: process.env['PATH'] ?? '',
    NODE_COMPILE_CACHE: compileCache,
    AWS_REGION: aws.region,
    AWS_DEFAULT_REGION: aws.region,
    AWS_ACCESS_KEY_ID: aws.credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: aws.credentials.secretAccessKey,
    AWS_ENDPOINT_URL_DYNAMODB: endpoints.dynamodb,
    AWS_ENDPOINT_URL_SQS: endpoints.sqs,
    AWS_ENDPOINT_URL_KMS: http,
    AWS_ENDPOINT_URL_IOT_DATA_PLANE: http,
  };
}

class PhaseTimer {
  readonly phases: Record<string, number> = {};

  async time<T>(phase: string, work: Promise<T>): Promise<T> {
    const startedAt = performance.now();
    try {
      return await work;
    } finally {
      this.phases[phase] = Math.round(performance.now() - startedAt);
    }
  }
}
