import { existsSync, readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { StartError } from './start-error.ts';

export interface Options {
  readonly demo: boolean;
  readonly json: boolean;
  readonly fresh: boolean;
  readonly dataDir: string;
  readonly mqttPort: number;
  readonly httpPort: number;
  /** JSON file with the network to load. */
  readonly networkFile: string | undefined;
  /** JSON that is merged over the defaults of stage `local`. */
  readonly stageConfig: string | undefined;
  /** A cloud assembly to run instead of synthesizing one. */
  readonly assembly: string | undefined;
  /** URLs of engines to use instead of the embedded ones. */
  readonly dynamodbEndpoint: string | undefined;
  readonly sqsEndpoint: string | undefined;
}

export const usage = `npm start -- [options]
  --no-demo              an empty network, without demo traffic
  --json                 print one line of JSON with all addresses when ready
  --data DIR             where data lives (default .towercast)
  --fresh                start over: remove what the data folder holds
  --mqtt-port PORT       where towers connect (default 1883; 0 picks a free port)
  --http-port PORT       HTTP services (default 7883; 0 picks a free port)
  --network FILE         load towers, partners and endpoints from a JSON file
  --stage-config CONFIG  JSON, or a file with it, merged over the stage's configuration
  --assembly DIR         run this cloud assembly instead of synthesizing one
Environment: DYNAMODB_ENDPOINT and SQS_ENDPOINT replace the embedded engines.`;

const definitions = {
  'no-demo': { type: 'boolean' },
  json: { type: 'boolean' },
  fresh: { type: 'boolean' },
  data: { type: 'string' },
  'mqtt-port': { type: 'string' },
  'http-port': { type: 'string' },
  network: { type: 'string' },
  'stage-config': { type: 'string' },
  assembly: { type: 'string' },
  help: { type: 'boolean' },
} as const;

/** Parses the command line. Throws StartError in one line; `help` means that the usage was asked for. */
export function parseOptions(
  args: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): Options | 'help' {
  const values = parseValues(args);
  if (values.help) return 'help';
  return {
    demo: !(values['no-demo'] ?? false),
    json: values.json ?? false,
    fresh: values.fresh ?? false,
    dataDir: values.data ?? '.towercast',
    mqttPort: parsePort('--mqtt-port', values['mqtt-port'] ?? '1883'),
    httpPort: parsePort('--http-port', values['http-port'] ?? '7883'),
    networkFile: existing('--network', values.network),
    stageConfig: parseStageConfig(values['stage-config']),
    assembly: existing('--assembly', values.assembly),
    dynamodbEndpoint: parseEndpoint('DYNAMODB_ENDPOINT', environment['DYNAMODB_ENDPOINT']),
    sqsEndpoint: parseEndpoint('SQS_ENDPOINT', environment['SQS_ENDPOINT']),
  };
}

function parseValues(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: definitions, strict: true }).values;
  } catch (error) {
    const [sentence = ''] = (error instanceof Error ? error.message : '').split(/\. |\n/);
    throw new StartError('unknown_option', `${sentence}: see npm start -- --help`, { cause: error });
  }
}

function parsePort(option: string, value: string): number {
  const port = /^\d{1,5}$/.test(value) ? Number(value) : Number.NaN;
  if (port <= 65_535) return port;
  throw new StartError('bad_option', `${option} ${value} is no port: give a number from 0 to 65535`);
}

function existing(option: string, file: string | undefined): string | undefined {
  if (file === undefined || existsSync(file)) return file;
  throw new StartError('bad_option', `${option} ${file} does not exist: give the path of an existing one`);
}

function parseStageConfig(value: string | undefined): string | undefined {
  if (value === undefined || value.trimStart().startsWith('{')) return value;
  return readFileSync(existing('--stage-config', value) ?? value, 'utf8');
}

function parseEndpoint(variable: string, value: string | undefined): string | undefined {
  if (value === undefined || value === '') return undefined;
  const url = URL.parse(value);
  if (url?.protocol === 'http:' || url?.protocol === 'https:') return value.replace(/\/$/, '');
  throw new StartError(
    'bad_option',
    `${variable}=${value} is no URL: set it to one such as http://127.0.0.1:8000`,
  );
}
