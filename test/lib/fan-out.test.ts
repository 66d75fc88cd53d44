import { describe, expect, it } from 'vitest';
import { synthesize, synthesizeWith } from './synthesized.ts';

const stack = synthesizeWith('dev', {
  overrides: {
    fanOut: { batchSize: 7, maxRetryAttempts: 3, maxRecordAgeSeconds: 600 },
  },
});

describe("the events table's stream", () => {
  it('feeds fan-out, which gives up on a record within bounds and keeps what it gave up on', () => {
    expect(stack.get('FanOutMapping').Properties).toMatchObject({
      FunctionName: { Ref: 'FanOutFunction' },
      EventSourceArn: { 'Fn::GetAtt': ['EventsTable', 'StreamArn'] },
      StartingPosition: 'TRIM_HORIZON',
      BatchSize: 7,
      FunctionResponseTypes: ['ReportBatchItemFailures'],
      // Removals by TTL wake nobody.
      FilterCriteria: { Filters: [{ Pattern: '{"eventName":["INSERT"]}' }] },
      BisectBatchOnFunctionError: true,
      MaximumRetryAttempts: 3,
      MaximumRecordAgeInSeconds: 600,
      // A queue would get a pointer to records that the stream forgets within a day.
      DestinationConfig: { OnFailure: { Destination: { 'Fn::GetAtt': ['FanOutFailuresBucket', 'Arn'] } } },
    });
  });

  it.each(['local', 'dev', 'prod'] as const)('is read one batch of a shard at a time on %s', (stage) => {
    // With more, Lambda keeps the order of one item's changes only, and every event is an item of its own.
    expect(synthesize(stage).get('FanOutMapping').Properties).toMatchObject({ ParallelizationFactor: 1 });
  });
});

describe('the bucket of failures', () => {
  it('is encrypted and closed to the public', () => {
    expect(stack.get('FanOutFailuresBucket').Properties).toMatchObject({
      BucketEncryption: {
        ServerSideEncryptionConfiguration: [{ ServerSideEncryptionByDefault: { SSEAlgorithm: 'AES256' } }],
      },
      PublicAccessBlockConfiguration: {
        BlockPublicAcls: true,
        BlockPublicPolicy: true,
        IgnorePublicAcls: true,
        RestrictPublicBuckets: true,
      },
    });
  });
});
