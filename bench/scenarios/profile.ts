import path from 'node:path';
import { buildSync } from 'esbuild';
import { bundleOptions } from '../../lib/bundle.ts';
import { openBed, type Bed } from '../bed.ts';
import { twoEndpoints } from '../load/plan.ts';
import { attribute, createLocate, type Attribution } from '../profile/attribution.ts';
import { profileProcess } from '../profile/inspector.ts';
import { fixed, type Row, type Scenario, type Section } from '../scenario.ts';

const stages = [
  { logicalId: 'IngestFunction', name: 'ingest' },
  { logicalId: 'FanOutFunction', name: 'fan-out' },
  { logicalId: 'DeliverFunction', name: 'deliver' },
] as const;
type Stage = (typeof stages)[number];

const shown = 15;

/** One tower, so that one process of each function does nearly all. */
export const profile: Scenario = {
  name: 'profile',
  describes: "where each function's CPU goes, by a sampling profiler in its busiest process",
  onDemand: true,
  async run(context) {
    const messages = context.quick ? 400 : 1_500;
    const maps = path.join(context.folder, 'maps');
    buildSync({
      ...bundleOptions,
      sourcemap: 'external',
      entryPoints: stages.map(({ name }) => ({ in: `functions/${name}/handler.ts`, out: `${name}/index` })),
      outdir: maps,
    });
    await using bed = await openBed(context, {
      name: 'profile',
      plan: twoEndpoints(1, messages * (stages.length + 1)),
    });
    await bed.load.run({ group: 'tower', messages, perSecond: null });
    const profiles: { stage: Stage; cpuMsPerEvent: number; attribution: Attribution }[] = [];
    for (const stage of stages) {
      const mapFile = path.join(maps, stage.name, 'index.mjs.map');
      profiles.push({ stage, ...(await profileStage(bed, stage, { messages, mapFile })) });
    }
    return {
      figures: profiles,
      checks: [],
      sections: profiles.flatMap(({ stage, cpuMsPerEvent, attribution }) => [
        sectionOf(
          `${stage.name}: ${fixed(cpuMsPerEvent)} ms an event`,
          attribution.byKind,
          attribution,
          cpuMsPerEvent,
        ),
        sectionOf(`${stage.name}, by module`, attribution.byModule, attribution, cpuMsPerEvent),
        sectionOf(`${stage.name}, by function`, attribution.byFunction, attribution, cpuMsPerEvent),
      ]),
    };
  },
};

async function profileStage(
  bed: Bed,
  { logicalId }: Stage,
  { messages, mapFile }: { messages: number; mapFile: string },
) {
  // The pool gives work to whoever worked last, and its first process has worked most.
  const { stack, load } = bed;
  const [pid] = stack.functionPids(logicalId);
  if (pid === undefined) throw new Error(`${logicalId} has no process`);
  const profiling = await profileProcess(pid);
  const { result, functions } = await bed.measure(() =>
    load.run({ group: 'tower', messages, perSecond: null }),
  );
  const attribution = attribute(await profiling.stop(), createLocate(mapFile));
  return { cpuMsPerEvent: (functions[logicalId]?.cpuMs ?? 0) / result.events, attribution };
}

/** The samples' shares, in terms of what the function takes for an event in all of its processes. */
function sectionOf(
  title: string,
  shares: Attribution['byKind'],
  { busyMs }: Attribution,
  cpuMsPerEvent: number,
): Section {
  return {
    title,
    header: ['', '%', 'ms an event'],
    rows: shares.slice(0, shown).map(({ name, ms }): Row => {
      const share = ms / busyMs;
      return [name, fixed(share * 100, 1), fixed(share * cpuMsPerEvent, 3)];
    }),
  };
}
