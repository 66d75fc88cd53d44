import { parseArgs } from 'node:util';

export interface BenchOptions {
  readonly events: number;
  readonly towers: number;
  /** Events a second in the latency run. */
  readonly rate: number;
  /** Seconds of the latency run. */
  readonly seconds: number;
  /** Where the JSON goes. */
  readonly out: string;
}

export const usage = `npm run bench -- [options]
  --events N    messages in the throughput run (default 5000)
  --towers N    towers that publish them (default 50)
  --rate N      events a second in the latency run (default 50)
  --seconds N   length of the latency run (default 20)
  --out FILE    where to write the JSON (default bench/results/latest.json)`;

const definitions = {
  events: { type: 'string', default: '5000' },
  towers: { type: 'string', default: '50' },
  rate: { type: 'string', default: '50' },
  seconds: { type: 'string', default: '20' },
  out: { type: 'string', default: 'bench/results/latest.json' },
  help: { type: 'boolean', default: false },
} as const;

/** Throws an Error in one line for an unknown flag or a value that is no positive whole number. */
export function parseBenchOptions(args: readonly string[]): BenchOptions | 'help' {
  const { values } = parseArgs({ args: [...args], options: definitions, strict: true });
  if (values.help) return 'help';
  return {
    events: count('--events', values.events),
    towers: count('--towers', values.towers),
    rate: count('--rate', values.rate),
    seconds: count('--seconds', values.seconds),
    out: values.out,
  };
}

function count(option: string, value: string): number {
  const number = Number(value);
  if (Number.isSafeInteger(number) && number > 0) return number;
  throw new Error(`${option} ${value}: give a whole number above 0`);
}
