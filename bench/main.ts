import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { synthesize } from '../local/synthesize.ts';
import { parseBenchOptions, type BenchOptions } from './options.ts';
import { writeDocument, writeReadme } from './report/document.ts';
import { failureAsMarkdown, toMarkdown, toText } from './report/table.ts';
import { scenarios } from './scenarios/index.ts';
import type { Scenario, ScenarioResult } from './scenario.ts';

const usage = `npm run bench -- [options]
  --scenario NAME   one of them; may be repeated (default: all but those marked *)
  --quick           short versions
  --against REF     the git revision that "cpu" compares with (default e6d6fff)
  --out DIR         where the JSON of each scenario goes (default bench/results)
  --docs            puts the figures into docs/performance.md, and those that README.md shows into it
Scenarios:
${scenarios.map(({ name, describes, onDemand }) => `  ${(name + (onDemand === true ? '*' : '')).padEnd(16)}  ${describes}`).join('\n')}`;

const say = (line: string): void => console.log(`   ${line}`);

/** What came of a scenario, for the list at the end. */
interface Ended {
  readonly name: string;
  readonly seconds: number;
  /** What does not hold, or why there is no result. */
  readonly complaints: readonly string[];
}

/** What failed where nobody waited for it. It counts against the scenario that runs. */
const strays: string[] = [];

async function bench(options: BenchOptions): Promise<void> {
  const chosen = scenarios.filter(({ name, onDemand }) =>
    options.scenarios.length === 0 ? onDemand !== true : options.scenarios.includes(name),
  );
  const root = mkdtempSync(path.join(tmpdir(), 'towercast-bench-'));
  const ended: Ended[] = [];
  const at = revision();
  try {
    const assembly = path.join(root, 'assembly');
    await synthesize({ outDir: assembly });
    mkdirSync(options.out, { recursive: true });
    const sections = new Map<string, string>();
    for (const scenario of chosen) {
      const { name, describes } = scenario;
      const { result, ...end } = await runOne(scenario, options, { root, assembly, at });
      ended.push({ name, ...end });
      const provenance = { name, describes, revision: at, day: new Date().toISOString().slice(0, 10) };
      sections.set(name, result === null ? failureAsMarkdown(provenance) : toMarkdown(provenance, result));
      // After each, so that they are there whatever comes of the next.
      writeFileSync(path.join(options.out, 'summary.md'), `${[...sections.values()].join('\n\n')}\n`);
      if (options.docs) await writeDocument(sections);
    }
  } finally {
    rmSync(root, { recursive: true, force: true });
    console.log(`\n── ${at}\n${toList(ended)}`);
  }
  if (options.docs) await writeReadme();
}

const toList = (ended: readonly Ended[]): string =>
  ended
    .flatMap(({ name, seconds, complaints }) => [
      `  ${complaints.length === 0 ? '✓' : '✗'} ${name}: ${seconds} s`,
      ...complaints.map((complaint) => `      ${complaint}`),
    ])
    .join('\n');

/** Of the sources as they are, uncommitted changes included. */
const revision = (): string =>
  execFileSync('git', ['describe', '--always', '--dirty'], {
    cwd: import.meta.dirname,
    encoding: 'utf8',
  }).trim();

/** One that fails does not keep the others from running: `result` is null then. */
async function runOne(
  scenario: Scenario,
  { quick, against, out }: BenchOptions,
  { root, assembly, at }: { root: string; assembly: string; at: string },
): Promise<Omit<Ended, 'name'> & { result: ScenarioResult | null }> {
  const startedAt = performance.now();
  const passed = () => Math.round((performance.now() - startedAt) / 1000);
  const { name, describes } = scenario;
  console.log(`\n── ${name}: ${describes}`);
  const folder = path.join(root, name);
  mkdirSync(folder);
  strays.length = 0;
  try {
    const result = await scenario.run({ folder, assembly, quick, against, say });
    if (strays.length > 0) throw new Error(strays.join('; '));
    const seconds = passed();
    const json = { scenario: name, revision: at, at: new Date().toISOString(), quick, seconds, ...result };
    writeFileSync(path.join(out, `${name}.json`), `${JSON.stringify(json, undefined, 2)}\n`);
    console.log(`${toText(result)}\n   ${seconds} s`);
    const failed = result.checks.filter(({ holds }) => !holds);
    if (failed.length > 0) process.exitCode = 1;
    return {
      result,
      seconds,
      complaints: failed.map(({ what, measured, aim }) => `${what}: ${measured} (${aim})`),
    };
  } catch (error) {
    console.error(`bench: ${name} failed: ${error instanceof Error ? error.stack : String(error)}`);
    process.exitCode = 1;
    return { result: null, seconds: passed(), complaints: [`failed: ${messageOf(error)}`] };
  } finally {
    // Each scenario's tables can be large.
    rmSync(folder, { recursive: true, force: true });
  }
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

process.on('unhandledRejection', (reason) => {
  console.error('bench: failed where nobody waited:', reason);
  strays.push(messageOf(reason));
  process.exitCode = 1;
});

try {
  const options = parseBenchOptions(
    process.argv.slice(2),
    scenarios.map(({ name }) => name),
  );
  if (options === 'help') console.log(usage);
  else await bench(options);
} catch (error) {
  console.error(`bench: ${messageOf(error)}`);
  process.exitCode = 1;
}
