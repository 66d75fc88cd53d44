import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { synthesize } from '../local/synthesize.ts';
import { parseBenchOptions, type BenchOptions } from './options.ts';
import { writeDocument } from './report/document.ts';
import { failureAsMarkdown, toMarkdown, toText } from './report/table.ts';
import { scenarios } from './scenarios/index.ts';
import type { Scenario, ScenarioResult } from './scenario.ts';

const usage = `npm run bench -- [options]
  --scenario NAME   one of them; may be repeated (default: all but those marked *)
  --quick           short versions
  --against REF     the git revision that "cpu" compares with (default e6d6fff)
  --out DIR         where the JSON of each scenario goes (default bench/results)
  --docs            puts the figures into docs/performance.md
Scenarios:
${scenarios.map(({ name, describes, onDemand }) => `  ${(name + (onDemand === true ? '*' : '')).padEnd(16)}  ${describes}`).join('\n')}`;

const say = (line: string): void => console.log(`   ${line}`);

async function bench(options: BenchOptions): Promise<void> {
  const chosen = scenarios.filter(({ name, onDemand }) =>
    options.scenarios.length === 0 ? onDemand !== true : options.scenarios.includes(name),
  );
  const root = mkdtempSync(path.join(tmpdir(), 'towercast-bench-'));
  try {
    const assembly = path.join(root, 'assembly');
    await synthesize({ outDir: assembly });
    mkdirSync(options.out, { recursive: true });
    const sections = new Map<string, string>();
    for (const scenario of chosen) {
      const result = await runOne(scenario, options, { root, assembly });
      const { name, describes } = scenario;
      const provenance = {
        name,
        describes,
        revision: revision(),
        day: new Date().toISOString().slice(0, 10),
      };
      sections.set(name, result === null ? failureAsMarkdown(provenance) : toMarkdown(provenance, result));
    }
    writeFileSync(path.join(options.out, 'summary.md'), `${[...sections.values()].join('\n\n')}\n`);
    if (options.docs) await writeDocument(sections);
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

/** Of the sources as they are, uncommitted changes included. */
const revision = (): string =>
  execFileSync('git', ['describe', '--always', '--dirty'], {
    cwd: import.meta.dirname,
    encoding: 'utf8',
  }).trim();

/** One that fails does not keep the others from running. Null then. */
async function runOne(
  scenario: Scenario,
  { quick, against, out }: BenchOptions,
  { root, assembly }: { root: string; assembly: string },
): Promise<ScenarioResult | null> {
  const startedAt = performance.now();
  const { name, describes } = scenario;
  console.log(`\n── ${name}: ${describes}`);
  const folder = path.join(root, name);
  mkdirSync(folder);
  try {
    const result = await scenario.run({ folder, assembly, quick, against, say });
    const seconds = Math.round((performance.now() - startedAt) / 1000);
    const json = {
      scenario: name,
      revision: revision(),
      at: new Date().toISOString(),
      quick,
      seconds,
      ...result,
    };
    writeFileSync(path.join(out, `${name}.json`), `${JSON.stringify(json, undefined, 2)}\n`);
    console.log(`${toText(result)}\n   ${seconds} s`);
    if (result.checks.some(({ holds }) => !holds)) process.exitCode = 1;
    return result;
  } catch (error) {
    console.error(`bench: ${name} failed: ${error instanceof Error ? error.stack : String(error)}`);
    process.exitCode = 1;
    return null;
  } finally {
    // Each scenario's tables can be large.
    rmSync(folder, { recursive: true, force: true });
  }
}

try {
  const options = parseBenchOptions(
    process.argv.slice(2),
    scenarios.map(({ name }) => name),
  );
  if (options === 'help') console.log(usage);
  else await bench(options);
} catch (error) {
  console.error(`bench: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}
