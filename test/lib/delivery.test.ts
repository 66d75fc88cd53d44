import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { synthesize } from './synthesized.ts';

const stack = synthesize('dev');
const queues = stack.ofType('AWS::SQS::Queue');

const VisibilitySchema = z.object({ VisibilityTimeout: z.number() });
const TimeoutSchema = z.object({ Timeout: z.number() });
const RefSchema = z.object({ Ref: z.string() });
const ArnSchema = z.object({ 'Fn::GetAtt': z.tuple([z.string(), z.string()]) });
const MappingSchema = z.object({ FunctionName: RefSchema, EventSourceArn: ArnSchema });

const mappings = stack.ofType('AWS::Lambda::EventSourceMapping').map(([id, mapping]) => {
  const { FunctionName, EventSourceArn } = MappingSchema.parse(mapping.Properties);
  return { id, functionId: FunctionName.Ref, sourceId: EventSourceArn['Fn::GetAtt'][0] };
});
const fromQueues = mappings.filter(({ sourceId }) => queues.some(([id]) => id === sourceId));

describe('queues', () => {
  it.each(queues)('%s has a DLQ or is one', (id) => {
    const deadLetterQueues = ['DeliveryDlq', 'OrderedDeliveryDlq', 'IngestDlq', 'RuleErrorQueue'];
    const redrives = stack.get(id).Properties['RedrivePolicy'] !== undefined;
    expect(redrives).not.toBe(deadLetterQueues.includes(id));
  });

  it.each(queues)('%s is encrypted and keeps messages as long as SQS can', (id) => {
    expect(stack.get(id).Properties).toMatchObject({
      SqsManagedSseEnabled: true,
      MessageRetentionPeriod: 1_209_600,
    });
  });

  it.each(queues)('%s refuses requests without TLS', (id) => {
    const policies = stack
      .ofType('AWS::SQS::QueuePolicy')
      .filter(([, policy]) => JSON.stringify(policy.Properties['Queues']) === JSON.stringify([{ Ref: id }]));
    expect(policies.map(([, policy]) => policy.Properties['PolicyDocument'])).toEqual([
      expect.objectContaining({
        Statement: [
          expect.objectContaining({
            Effect: 'Deny',
            Action: 'sqs:*',
            Condition: { Bool: { 'aws:SecureTransport': 'false' } },
          }),
        ],
      }),
    ]);
  });

  it.each(['DeliveryQueue', 'SlowDeliveryQueue'])('%s redrives after five receives', (id) => {
    expect(stack.get(id).Properties['RedrivePolicy']).toEqual({
      deadLetterTargetArn: { 'Fn::GetAtt': ['DeliveryDlq', 'Arn'] },
      maxReceiveCount: 5,
    });
  });

  it('the one that keeps order gives nothing away by itself that may be overtaken: deliver does, after five', () => {
    const { RedrivePolicy, VisibilityTimeout } = stack.get('OrderedDeliveryQueue').Properties;
    expect(RedrivePolicy).toEqual({
      deadLetterTargetArn: { 'Fn::GetAtt': ['OrderedDeliveryDlq', 'Arn'] },
      maxReceiveCount: 1_000,
    });
    // Within the 14 days that SQS keeps it, but no sooner than a repair takes.
    const days = (1_000 * z.number().parse(VisibilityTimeout)) / 86_400;
    expect(days).toBeGreaterThan(2);
    expect(days).toBeLessThan(14);
    expect(stack.get('DeliverFunction').Properties['Environment']).toMatchObject({
      Variables: { MAX_RECEIVE_COUNT: '5', ORDERED_DELIVERY_DLQ_URL: { Ref: 'OrderedDeliveryDlq' } },
    });
  });
});

describe('functions that read from queues', () => {
  it('deliver reads the delivery queues and dead-letter their DLQs', () => {
    expect(fromQueues).toEqual([
      { id: 'DeliverMapping', functionId: 'DeliverFunction', sourceId: 'DeliveryQueue' },
      { id: 'SlowDeliverMapping', functionId: 'DeliverFunction', sourceId: 'SlowDeliveryQueue' },
      { id: 'OrderedDeliverMapping', functionId: 'DeliverFunction', sourceId: 'OrderedDeliveryQueue' },
      { id: 'DeadLetterMapping', functionId: 'DeadLetterFunction', sourceId: 'DeliveryDlq' },
      { id: 'OrderedDeadLetterMapping', functionId: 'DeadLetterFunction', sourceId: 'OrderedDeliveryDlq' },
    ]);
  });

  it.each(fromQueues)(
    '$functionId has a sixth of the visibility timeout at most',
    ({ functionId, sourceId }) => {
      const { VisibilityTimeout } = VisibilitySchema.parse(stack.get(sourceId).Properties);
      const { Timeout } = TimeoutSchema.parse(stack.get(functionId).Properties);
      expect(VisibilityTimeout).toBeGreaterThanOrEqual(6 * Timeout);
    },
  );

  it.each(mappings)('$functionId reports which items of a batch failed', ({ id }) => {
    expect(stack.get(id).Properties).toMatchObject({ FunctionResponseTypes: ['ReportBatchItemFailures'] });
  });

  it('deliver is limited by its mapping and no function by reserved concurrency', () => {
    expect(stack.get('DeliverMapping').Properties).toMatchObject({
      BatchSize: 10,
      ScalingConfig: { MaximumConcurrency: 50 },
    });
    for (const [, fn] of stack.ofType('AWS::Lambda::Function'))
      expect(fn.Properties).not.toHaveProperty('ReservedConcurrentExecutions');
  });
});
