import { createWriteStream } from 'node:fs';
import path from 'node:path';
import { TowercastError } from '../functions/shared/errors.ts';
import type { NetworkFile } from '../schemas/network.ts';
import { writeConnectionFile } from './connection-file.ts';
import type { Demo } from './demo/demo.ts';
import type { LocalStack } from './local-stack.ts';
import { type Options, parseOptions, usage } from './options.ts';

async function main(): Promise<void> {
  const options = parseOptions(process.argv.slice(2), process.env);
  if (options === 'help') return console.log(usage);
  const startedAt = performance.now();
  const network = await readNetwork(options);
  // Only now: a mistake of the user should not wait for the engines to load.
  const { startStack } = await import('./stack.ts');
  const stack = await startStack({ ...options, log: createLog(options) });
  const beside: { demo?: Demo } = {};
  stopOnSignal(async () => {
    await beside.demo?.stopTraffic();
    // The demo's receivers answer until the functions are done.
    await stack.stop();
    await beside.demo?.stop();
  });
  try {
    if (network) await loadNetwork(stack, network);
    writeConnectionFile(stack);
    announce(stack, options, Math.round(performance.now() - startedAt));
    if (options.demo) beside.demo = await playDemo(stack, options);
  } catch (error) {
    await stack.stop();
    throw error;
  }
}

async function readNetwork({ networkFile }: Options): Promise<NetworkFile | undefined> {
  if (networkFile === undefined) return undefined;
  const { readNetworkFile } = await import('./network/read.ts');
  return readNetworkFile(networkFile);
}

/** Logs go to stderr, or to a file when the demo writes its live lines to the terminal. */
function createLog({ demo, dataDir }: Options): (line: string) => void {
  if (!demo) return (line) => process.stderr.write(`${line}\n`);
  let file: ReturnType<typeof createWriteStream> | undefined;
  return (line) => {
    // Opened at the first line: the folder is made, or refused, by then.
    file ??= createWriteStream(path.join(dataDir, 'logs', 'stack.log'), { flags: 'a' });
    file.write(`${new Date().toISOString()} ${line}\n`);
  };
}

async function loadNetwork(stack: LocalStack, network: NetworkFile): Promise<void> {
  const { loadNetwork } = await import('./network/load.ts');
  await loadNetwork(stack, network);
}

async function playDemo(stack: LocalStack, { json }: Options): Promise<Demo> {
  const { startDemo } = await import('./demo/demo.ts');
  // With --json, standard output is for the one line.
  return startDemo(stack, json ? { write: (text) => process.stderr.write(`${text}\n`) } : {});
}

function announce(stack: LocalStack, { json, dataDir }: Options, startMs: number): void {
  const { addresses, tables, queues, functions } = stack;
  const { mqtt, api, oidc, iotData, dynamodb, sqs } = addresses;
  if (json)
    return console.log(
      JSON.stringify({ ready: true, mqtt, api, oidc, iotData, dynamodb, sqs, tables, queues, functions }),
    );
  console.log(`Towercast runs on this machine (ready in ${(startMs / 1000).toFixed(1)} s). Ctrl-C stops it.

  towers connect to  ${mqtt}
  HTTP API           ${api}
  token issuer       ${oidc}
  IoT data plane     ${iotData}
  DynamoDB           ${dynamodb}
  SQS                ${sqs}
  data               ${dataDir} (--fresh starts over)
`);
}

/** The first signal stops everything in order, a second one at once. */
function stopOnSignal(stop: () => Promise<void>): void {
  let stopping = false;
  const onSignal = (signal: NodeJS.Signals): void => {
    if (stopping) process.exit(128 + (signal === 'SIGINT' ? 2 : 15));
    stopping = true;
    process.stderr.write('stopping (again to stop at once)\n');
    stop().then(
      () => process.exit(0),
      (error: unknown) => {
        process.stderr.write(`${String(error)}\n`);
        process.exit(1);
      },
    );
  };
  // Whoever read the lines is gone, as in "npm start | head".
  process.stdout.on('error', () => onSignal('SIGTERM'));
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
}

try {
  await main();
} catch (error) {
  const known = error instanceof TowercastError;
  process.stderr.write(
    `towercast: ${known ? error.message : String(error instanceof Error ? error.stack : error)}\n`,
  );
  process.exit(1);
}
