import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { ApiEnvSchema } from '../../functions/api/env.ts';
import { DeadLetterEnvSchema } from '../../functions/dead-letter/env.ts';
import { DeliverEnvSchema } from '../../functions/deliver/env.ts';
import { FanOutEnvSchema } from '../../functions/fan-out/env.ts';
import { IngestEnvSchema } from '../../functions/ingest/env.ts';
import { TimersEnvSchema } from '../../functions/timers/env.ts';
import { synthesize, synthesizeWith } from './synthesized.ts';

const stack = synthesize('dev');
const functions = stack.ofType('AWS::Lambda::Function');

const EnvironmentSchema = z.object({
  // A reference becomes text when the stack is deployed.
  Variables: z.record(z.string(), z.union([z.string(), z.json().transform(() => 'deployed')])),
});

const envSchemas: Readonly<Record<string, z.ZodType>> = {
  IngestFunction: IngestEnvSchema,
  FanOutFunction: FanOutEnvSchema,
  DeliverFunction: DeliverEnvSchema,
  DeadLetterFunction: DeadLetterEnvSchema,
  TimersFunction: TimersEnvSchema,
  ApiFunction: ApiEnvSchema,
};

describe('functions', () => {
  it('are these six', () => {
    expect(functions.map(([id]) => id).toSorted()).toEqual(Object.keys(envSchemas).toSorted());
  });

  it.each(functions)('%s runs on nodejs24.x and arm64 without source maps or tracing', (_, fn) => {
    expect(fn.Properties).toMatchObject({
      Runtime: 'nodejs24.x',
      Architectures: ['arm64'],
      Handler: 'index.handler',
    });
    expect(fn.Properties).not.toHaveProperty('TracingConfig');
    expect(JSON.stringify(fn.Properties['Environment'])).not.toContain('enable-source-maps');
  });

  it.each(functions)('%s logs to a group of its own that forgets', (_, fn) => {
    const { LogGroup } = z
      .object({ LogGroup: z.object({ Ref: z.string() }) })
      .parse(fn.Properties['LoggingConfig']);
    expect(stack.get(LogGroup.Ref).Properties).toMatchObject({ RetentionInDays: 14 });
    const sharing = functions.filter(([, other]) =>
      JSON.stringify(other.Properties).includes(`"${LogGroup.Ref}"`),
    );
    expect(sharing).toHaveLength(1);
  });

  it.each(functions)(
    '%s gets an environment that its own schema accepts, and nothing beside it',
    (id, fn) => {
      // What Powertools reads by itself is in no schema of ours.
      const { POWERTOOLS_METRICS_NAMESPACE, ...Variables } = EnvironmentSchema.parse(
        fn.Properties['Environment'],
      ).Variables;
      expect(POWERTOOLS_METRICS_NAMESPACE).toBe('Towercast/dev');
      const schema = z.object({}).parse({}) && envSchemas[id];
      const parsed = z.record(z.string(), z.unknown()).parse(schema?.parse(Variables));
      expect(Object.keys(parsed).toSorted()).toEqual(Object.keys(Variables).toSorted());
    },
  );

  it('tracing is a switch of the stage', () => {
    const traced = synthesizeWith('dev', { overrides: { tracing: true } });
    for (const [, fn] of traced.ofType('AWS::Lambda::Function'))
      expect(fn.Properties).toMatchObject({ TracingConfig: { Mode: 'Active' } });
  });
});
