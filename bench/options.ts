import { parseArgs } from 'node:util';

export interface BenchOptions {
  /** Empty: all that need not be asked for. */
  readonly scenarios: readonly string[];
  readonly quick: boolean;
  readonly against: string;
  /** Where the JSON goes. */
  readonly out: string;
  /** Whether the figures go into docs/performance.md. */
  readonly docs: boolean;
}

const definitions = {
  scenario: { type: 'string', multiple: true },
  quick: { type: 'boolean', default: false },
  against: { type: 'string', default: 'e6d6fff' },
  out: { type: 'string', default: 'bench/results' },
  docs: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
} as const;

/** @param known names of scenarios. Throws an Error in one line for an unknown flag or scenario. */
export function parseBenchOptions(args: readonly string[], known: readonly string[]): BenchOptions | 'help' {
  const { values } = parseArgs({ args: [...args], options: definitions, strict: true });
  if (values.help) return 'help';
  const scenarios = (values.scenario ?? []).flatMap((names) => names.split(','));
  const unknown = scenarios.find((name) => !known.includes(name));
  if (unknown !== undefined) throw new Error(`--scenario ${unknown}: must be one of ${known.join(', ')}`);
  const { quick, against, out, docs } = values;
  return { scenarios, quick, against, out, docs };
}
