import { mkdtempSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { App } from 'aws-cdk-lib/core';
import { inject } from 'vitest';
import * as z from 'zod';
import { addChecks, appContext } from '../../lib/checks.ts';
import { loadStageConfig, type StageName } from '../../lib/config.ts';
import { TowercastStack } from '../../lib/towercast-stack.ts';

const ResourceSchema = z.object({
  Type: z.string(),
  Properties: z.record(z.string(), z.json()).default({}),
  DeletionPolicy: z.string().optional(),
  UpdateReplacePolicy: z.string().optional(),
  Metadata: z.json().optional(),
  DependsOn: z.union([z.string(), z.array(z.string())]).optional(),
});
const TemplateSchema = z.object({
  Resources: z.record(z.string(), ResourceSchema),
  Outputs: z.record(z.string(), z.object({ Value: z.json() })),
});
type Resource = z.infer<typeof ResourceSchema>;

export interface Synthesized {
  readonly outdir: string;
  readonly resources: Readonly<Record<string, Resource>>;
  readonly outputs: readonly string[];
  /** The resource of that logical id. */
  get(logicalId: string): Resource;
  /** All of a type, by logical id. */
  ofType(type: string): [string, Resource][];
}

interface SynthesisOptions {
  readonly overrides?: object;
  /** Adds something to the stack before it is checked. */
  readonly plant?: (stack: TowercastStack) => void;
}

const synthesized = new Map<StageName, Synthesized>();

/** A stage's stack as `cdk synth` makes it, with all checks. Takes about a second, once for each stage. */
export function synthesize(stage: StageName): Synthesized {
  const known = synthesized.get(stage) ?? synthesizeWith(stage, {});
  synthesized.set(stage, known);
  return known;
}

/** The same with something changed, made anew each time. */
export function synthesizeWith(stage: StageName, { overrides = {}, plant }: SynthesisOptions): Synthesized {
  const outdir = mkdtempSync(path.join(inject('synthesisFolder'), 'stack-'));
  const app = new App({ context: appContext, outdir });
  const stack = new TowercastStack(app, loadStageConfig(stage, overrides));
  plant?.(stack);
  addChecks(app);
  app.synth();
  const text = readFileSync(path.join(outdir, stack.templateFile), 'utf8');
  const { Resources: resources, Outputs } = TemplateSchema.parse(JSON.parse(text));
  return {
    outdir,
    resources,
    outputs: Object.keys(Outputs),
    get(logicalId) {
      const resource = resources[logicalId];
      if (resource === undefined) throw new Error(`the template has no ${logicalId}`);
      return resource;
    },
    ofType: (type) => Object.entries(resources).filter(([, resource]) => resource.Type === type),
  };
}
