import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { measureCapacity } from './capacity.ts';
import { measureLoad } from './measure-load.ts';
import { parseBenchOptions, usage, type BenchOptions } from './options.ts';
import { toTable } from './table.ts';
import { synthesize } from '../local/synthesize.ts';

async function bench(options: BenchOptions): Promise<void> {
  const folder = mkdtempSync(path.join(tmpdir(), 'towercast-bench-'));
  try {
    const assembly = path.join(folder, 'assembly');
    await synthesize({ outDir: assembly });
    const load = await measureLoad(options, { folder, assembly });
    const capacity = await measureCapacity({ folder, assembly });
    const figures = { at: new Date().toISOString(), options, ...load, capacity };
    mkdirSync(path.dirname(options.out), { recursive: true });
    writeFileSync(options.out, `${JSON.stringify(figures, undefined, 2)}\n`);
    console.log(toTable(figures));
    console.log(`\n${JSON.stringify(figures)}\n\n${options.out} has the same JSON.`);
    if (load.throughput.lost + load.latency.lost > 0) process.exitCode = 1;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

try {
  const options = parseBenchOptions(process.argv.slice(2));
  if (options === 'help') console.log(usage);
  else await bench(options);
} catch (error) {
  console.error(`bench: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}
