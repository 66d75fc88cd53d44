import {
  Agent,
  createServer,
  request as httpRequest,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';
import { buffer } from 'node:stream/consumers';
import * as z from 'zod';
import { identify, type Call, type Names, type Service } from './call.ts';
import { conflictOf, failures, success, type Answer } from './fault-answers.ts';
import type { Fault, FaultPlan } from './fault-plan.ts';
import { divide } from '../helpers/in-part.ts';
import type { Aliases } from './aliases.ts';

/** Longer than our clients wait: two seconds for DynamoDB, KMS and the broker, three for SQS, one for partners. */
const lateMs: Readonly<Record<Service, number>> = {
  DynamoDB: 2_600,
  SQS: 3_600,
  KMS: 2_600,
  IoT: 2_600,
  Partner: 2_600,
};

export interface FaultProxyOptions {
  /** Logical id of the function whose calls come here. */
  readonly function: string;
  readonly plan: FaultPlan;
  /** Known once the stack runs. */
  readonly names: Names;
  readonly aliases: Aliases;
  /** A call that could not be understood or passed on: the proxy's fault, and nobody's that it tests. */
  readonly onError: (what: string) => void;
  /** SIGKILL to the process whose connection comes from this port. False when there is none any more. */
  readonly kill: (functionName: string, port: number) => boolean;
}

export interface FaultProxy {
  readonly origin: string;
  /** Where the calls of each service go. */
  readonly targets: Map<Service, string>;
  close(): void;
}

interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly body: Buffer;
  readonly call: Call;
}

/** Stands between a function and everything that it calls, and makes of each call what the plan says. */
export async function startFaultProxy(options: FaultProxyOptions): Promise<FaultProxy> {
  const targets = new Map<Service, string>();
  const agent = new Agent({ keepAlive: true });
  const forward = (exchange: Exchange): Promise<Answer> => {
    const target = targets.get(exchange.call.service);
    if (target === undefined) throw new Error(`nowhere to send ${exchange.call.name}`);
    return send(agent, target, exchange);
  };
  const server = createServer((request, response) => {
    const serve = async () => {
      const body = await buffer(request);
      const raw = { function: options.function, headers: request.headers, path: request.url ?? '/', body };
      const call = identify(raw, options.names, options.aliases);
      const exchange = { request, response, body, call };
      const fault = options.plan.next(call);
      if (fault === null) reply(response, await forward(exchange));
      else await inject(fault, exchange, options, forward);
    };
    serve().catch((error: unknown) => {
      options.onError(`${request.headers['x-amz-target']?.toString()} ${request.url}: ${String(error)}`);
      response.destroy();
    });
  });
  // Longer than any client keeps an idle connection, so that none breaks but by a fault.
  server.keepAliveTimeout = 120_000;
  const port = await new Promise<number>((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve(z.object({ port: z.int() }).parse(server.address()).port));
  });
  return {
    origin: `http://127.0.0.1:${port}`,
    targets,
    close: () => {
      server.close();
      server.closeAllConnections();
      agent.destroy();
    },
  };
}

async function inject(
  fault: Fault,
  exchange: Exchange,
  { kill, function: name, aliases }: FaultProxyOptions,
  forward: (exchange: Exchange) => Promise<Answer>,
): Promise<void> {
  const { request, response, call } = exchange;
  const end = () => request.socket.resetAndDestroy();
  const killCaller = () => {
    if (!kill(name, request.socket.remotePort ?? 0)) fault.missed();
  };
  switch (fault.mode) {
    case 'fails once':
    case 'fails twice':
    case 'fails for ever':
      return reply(response, failures[call.service].error);
    case 'is throttled':
      return reply(response, failures[call.service].throttle);
    case 'is refused':
      return reply(response, failures[call.service].refusal);
    case 'is done in part':
    case 'is never done whole':
      return reply(response, await forwardInPart(exchange, ownedBy(fault, aliases), forward));
    case 'conflicts':
    case 'conflicts for ever':
      return reply(response, conflictOf(call, contentOf(exchange)));
    case 'loses its answer':
      await forward(exchange);
      return void end();
    case 'is never answered':
      return;
    case 'is overtaken':
      await wait(lateMs[call.service]);
      return reply(response, await forward(exchange));
    case 'happens twice': {
      const first = await forward(exchange);
      await forward(exchange);
      return reply(response, first);
    }
    case 'kills before':
      killCaller();
      return void end();
    case 'kills after':
      await forward(exchange);
      killCaller();
      return void end();
  }
}

const contentOf = ({ body }: Pick<Exchange, 'body'>): unknown => JSON.parse(body.toString('utf8'));

/** Whether an entry of a batch is of the fault's case. */
const ownedBy =
  ({ input: { tag } }: Fault, aliases: Aliases) =>
  (entry: unknown): boolean => {
    const text = JSON.stringify(entry);
    return text.includes(tag) || aliases.tagsIn(text).includes(tag);
  };

async function forwardInPart(
  exchange: Exchange,
  isOwn: (entry: unknown) => boolean,
  forward: (exchange: Exchange) => Promise<Answer>,
): Promise<Answer> {
  const { request, answer } = divide(exchange.call.operation, contentOf(exchange), isOwn);
  if (request === null) return success(answer({}));
  const done = await forward({ ...exchange, body: Buffer.from(JSON.stringify(request)) });
  return done.status === 200 ? success(answer(contentOf(done))) : done;
}

function reply(response: ServerResponse, { status, headers, body }: Answer): void {
  if (response.destroyed) return;
  const { 'transfer-encoding': _, connection: _connection, ...rest } = headers;
  response.writeHead(status, { ...rest, 'content-length': String(body.length) }).end(body);
}

function send(agent: Agent, target: string, exchange: Exchange): Promise<Answer> {
  const { request, body } = exchange;
  const { hostname, port } = new URL(target);
  const headers = { ...request.headers, 'content-length': String(body.length) };
  return new Promise((resolve, reject) => {
    const forwarded = httpRequest(
      { agent, hostname, port, method: request.method, path: request.url, headers },
      (response) => {
        buffer(response).then(
          (answer) =>
            resolve({ status: response.statusCode ?? 502, headers: response.headers, body: answer }),
          reject,
        );
      },
    );
    forwarded.once('error', (error: NodeJS.ErrnoException) => {
      // An engine closes a connection that was idle for seconds, just when it is used again: it has seen nothing of this.
      const wasClosed = forwarded.reusedSocket && error.code === 'ECONNRESET';
      if (wasClosed) resolve(send(agent, target, exchange));
      else reject(error);
    });
    forwarded.end(body);
  });
}
