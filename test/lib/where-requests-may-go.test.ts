import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { synthesize, synthesizeWith } from './synthesized.ts';

const EnvironmentSchema = z.object({ Environment: z.object({ Variables: z.record(z.string(), z.json()) }) });

/** What a function is told of where its requests may go. */
function rulesOf(stack: ReturnType<typeof synthesize>, functionId: string) {
  const { Variables } = EnvironmentSchema.parse(stack.get(functionId).Properties).Environment;
  return { loopback: Variables['ALLOW_LOOPBACK_HTTP'], ports: Variables['ALLOWED_PORTS'] };
}

/** Who checks URLs at registration, and who posts to them. */
const functionIds = ['ApiFunction', 'DeliverFunction'];

describe.each(['dev', 'prod'] as const)('at %s, requests go', (stage) => {
  it.each(functionIds)('%s: to public addresses by https only, at two ports', (functionId) => {
    expect(rulesOf(synthesize(stage), functionId)).toEqual({ loopback: 'false', ports: '[443,8443]' });
  });
});

it.each(functionIds)('%s is told of other ports that the configuration allows', (functionId) => {
  const stack = synthesizeWith('prod', { overrides: { delivery: { allowedPorts: [443] } } });
  expect(rulesOf(stack, functionId)).toEqual({ loopback: 'false', ports: '[443]' });
});
