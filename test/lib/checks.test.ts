import { CfnFunction } from 'aws-cdk-lib/aws-lambda';
import { Queue } from 'aws-cdk-lib/aws-sqs';
import { describe, expect, it } from 'vitest';
import type { TowercastStack } from '../../lib/towercast-stack.ts';
import { synthesizeWith } from './synthesized.ts';

const tinyFunction = (stack: TowercastStack) =>
  new CfnFunction(stack, 'Planted', {
    code: { zipFile: 'exports.handler = async () => {}' },
    role: 'arn:aws:iam::123456789012:role/planted',
    runtime: 'nodejs24.x',
    handler: 'index.handler',
    memorySize: 1,
  });

describe('checks at synth', () => {
  it('a finding of cdk-nag fails it', () => {
    expect(() => synthesizeWith('dev', { plant: (stack) => new Queue(stack, 'Planted') })).toThrow(
      'AwsSolutions-SQS4',
    );
  });

  it('a finding of the built-in template validation fails it', () => {
    expect(() => synthesizeWith('dev', { plant: tinyFunction })).toThrow('less than the minimum of 128');
  });

  it('the stack itself passes on every stage, with tracing too', () => {
    for (const stage of ['local', 'dev', 'prod'] as const)
      expect(() => synthesizeWith(stage, { overrides: { tracing: true } })).not.toThrow();
  });
});
