// The process of one function: loads the deployed bundle from its working directory and runs one invocation at a time,
// as Lambda's runtime would. It is started by process.ts and ends with its parent.
import { flushCompileCache } from 'node:module';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { existsSync } from 'node:fs';
// Types only: what this process loads besides the bundle counts as the function's memory and start.
import type { FunctionError, Invocation, Report } from './protocol.ts';
import { measureUsage } from './usage.ts';

type Handler = (event: unknown, context: object) => unknown;

const environment = process.env;
// Ours, to load faster; a deployed function doesn't see it.
delete environment['NODE_COMPILE_CACHE'];

process.on('disconnect', () => process.exit(0));
// Ctrl-C reaches the whole process group; the parent decides when this process ends.
process.on('SIGINT', () => undefined);

const usage = measureUsage(environment['AWS_ENDPOINT_URL_IOT_DATA_PLANE']);
try {
  const handler = await loadHandler(environment['_HANDLER'] ?? '');
  process.on('message', (message) => {
    if (isInvocation(message)) void run(handler, message);
  });
  report({ type: 'ready' });
  flushCompileCache();
} catch (error) {
  process.send?.({ type: 'init-error', error: describe(error) } satisfies Report, () => process.exit(1));
}

/** `index.handler` is the export `handler` of index.mjs, index.js or index.cjs. */
async function loadHandler(name: string): Promise<Handler> {
  const dot = name.lastIndexOf('.');
  const [file, key] = [name.slice(0, dot), name.slice(dot + 1)];
  const candidates = ['.mjs', '.js', '.cjs'].map((extension) => path.resolve(`${file}${extension}`));
  const found = candidates.find((candidate) => existsSync(candidate));
  if (found === undefined) throw new Error(`${name}: there is no ${candidates[0]}`);
  const exported: unknown = await import(pathToFileURL(found).href);
  const handler: unknown =
    typeof exported === 'object' && exported !== null ? Reflect.get(exported, key) : undefined;
  if (!isHandler(handler)) throw new Error(`${name} is no function of ${found}`);
  return handler;
}

function isHandler(value: unknown): value is Handler {
  return typeof value === 'function';
}

function isInvocation(message: unknown): message is Invocation {
  return typeof message === 'object' && message !== null && 'requestId' in message && 'deadline' in message;
}

async function run(handler: Handler, { requestId, event, deadline }: Invocation): Promise<void> {
  usage.since();
  try {
    const payload: unknown = await handler(event, contextOf(requestId, deadline));
    report({ type: 'result', requestId, payload: asJson(payload), usage: usage.since() });
  } catch (error) {
    report({ type: 'error', requestId, error: describe(error), usage: usage.since() });
  }
}

/** Source: Lambda, "Context object in Node.js". */
function contextOf(requestId: string, deadline: number): object {
  const functionName = environment['AWS_LAMBDA_FUNCTION_NAME'];
  return {
    awsRequestId: requestId,
    functionName,
    functionVersion: '$LATEST',
    invokedFunctionArn: `arn:aws:lambda:${environment['AWS_REGION']}:000000000000:function:${functionName}`,
    memoryLimitInMB: environment['AWS_LAMBDA_FUNCTION_MEMORY_SIZE'],
    logGroupName: environment['AWS_LAMBDA_LOG_GROUP_NAME'],
    logStreamName: environment['AWS_LAMBDA_LOG_STREAM_NAME'],
    callbackWaitsForEmptyEventLoop: true,
    getRemainingTimeInMillis: () => Math.max(0, deadline - Date.now()),
  };
}

type Json = Extract<Report, { type: 'result' }>['payload'];

const parseJson: (text: string) => Json = JSON.parse;

/** Lambda answers with JSON; a handler that returns nothing answers null. */
function asJson(value: unknown): Json {
  const text: string | undefined = JSON.stringify(value);
  // A function or a symbol has no JSON either.
  return text === undefined ? null : parseJson(text);
}

function describe(error: unknown): FunctionError {
  if (!(error instanceof Error)) return { errorType: typeof error, errorMessage: String(error) };
  return { errorType: error.name, errorMessage: error.message, trace: (error.stack ?? '').split('\n') };
}

function report(message: Report): void {
  process.send?.(message);
}
