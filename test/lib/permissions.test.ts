import { describe, expect, it } from 'vitest';
import { nameOf, rolesOf, statementsOf } from '../helpers/permissions.ts';
import { synthesize } from './synthesized.ts';

const stack = synthesize('dev');

const roles = rolesOf(stack.resources);

/** As `resource: action action`. */
const permissionsOf = (functionId: string): string[] =>
  statementsOf(stack.resources, functionId).map(
    ({ Action, Resource }) => `${Resource.map(nameOf).join(' ')}: ${Action.join(' ')}`,
  );

const thisAccount = '<AWS::Region>:<AWS::AccountId>';

describe('roles', () => {
  it('one for each function and one for the rule', () => {
    expect(roles).toHaveLength(7);
    expect(stack.ofType('AWS::IAM::Policy')).toEqual([]);
    expect(stack.ofType('AWS::IAM::ManagedPolicy')).toEqual([]);
  });

  it.each(roles)('$id names each action and each resource', ({ statements }) => {
    for (const { Action, Resource } of statements) {
      expect(Action.filter((action) => action.includes('*'))).toEqual([]);
      expect(Resource.map(nameOf)).not.toContain('*');
    }
  });

  it('a function writes to its own log only', () => {
    for (const { id, statements } of roles.filter(({ id }) => !id.includes('RuleErrorRole'))) {
      const logs = statements.filter(({ Action }) => Action.some((action) => action.startsWith('logs:')));
      expect(logs.map(({ Resource }) => Resource.map(nameOf))).toEqual([
        [expect.stringContaining(id.replace(/Role\w{8}$/, 'Log'))],
      ]);
    }
  });
});

describe('what each function may do', () => {
  it('ingest: commit to entities and events, and answer towers', () => {
    expect(permissionsOf('IngestFunction')).toEqual([
      'EntitiesTable: dynamodb:BatchGetItem dynamodb:PutItem dynamodb:BatchWriteItem',
      'EventsTable: dynamodb:PutItem',
      `arn:<AWS::Partition>:iot:${thisAccount}:topic/towers/*/commands arn:<AWS::Partition>:iot:${thisAccount}:topic/towers/*/acks: iot:Publish`,
      'IngestDlq: sqs:SendMessage',
    ]);
  });

  it('fan-out: read endpoints and the stream, write the logs, queue deliveries, keep what failed', () => {
    expect(permissionsOf('FanOutFunction')).toEqual([
      'EntitiesTable: dynamodb:Query dynamodb:BatchWriteItem',
      'EventsTable: dynamodb:GetItem',
      'DeliveriesTable: dynamodb:Query dynamodb:UpdateItem',
      'DeliveryQueue: sqs:SendMessage',
      'SlowDeliveryQueue: sqs:SendMessage',
      'OrderedDeliveryQueue: sqs:SendMessage',
      'EventsTable.StreamArn: dynamodb:DescribeStream dynamodb:GetRecords dynamodb:GetShardIterator',
      'EventsTable/stream/*: dynamodb:ListStreams',
      'FanOutFailuresBucket/*: s3:PutObject',
      'FanOutFailuresBucket: s3:ListBucket',
    ]);
  });

  it('deliver: read and disable endpoints, record attempts, queue the next, open secrets', () => {
    expect(permissionsOf('DeliverFunction')).toEqual([
      'EntitiesTable: dynamodb:Query dynamodb:GetItem dynamodb:PutItem dynamodb:UpdateItem',
      'DeliveriesTable: dynamodb:GetItem dynamodb:PutItem dynamodb:BatchWriteItem dynamodb:DeleteItem',
      'EventsTable: dynamodb:GetItem dynamodb:PutItem',
      ...['DeliveryQueue', 'SlowDeliveryQueue', 'OrderedDeliveryQueue'].map(
        (queue) => `${queue}: sqs:SendMessage`,
      ),
      'OrderedDeliveryDlq: sqs:SendMessage',
      ...['DeliveryQueue', 'SlowDeliveryQueue', 'OrderedDeliveryQueue'].map(
        (queue) => `${queue}: sqs:ReceiveMessage sqs:DeleteMessage sqs:GetQueueAttributes`,
      ),
      'SecretsKey: kms:Decrypt',
    ]);
  });

  it('dead-letter: read endpoints, record deliveries, quarantine what is none', () => {
    expect(permissionsOf('DeadLetterFunction')).toEqual([
      'EntitiesTable: dynamodb:Query dynamodb:BatchWriteItem',
      'DeliveriesTable: dynamodb:GetItem dynamodb:PutItem dynamodb:DeleteItem',
      'EventsTable: dynamodb:GetItem dynamodb:PutItem',
      'OrderedDeliveryQueue: sqs:SendMessage',
      'DeliveryDlq: sqs:ReceiveMessage sqs:DeleteMessage sqs:GetQueueAttributes',
      'OrderedDeliveryDlq: sqs:ReceiveMessage sqs:DeleteMessage sqs:GetQueueAttributes',
    ]);
  });

  it('timers: find what is due, commit it, queue deliveries, switch off endpoints', () => {
    expect(permissionsOf('TimersFunction')).toEqual([
      'EntitiesTable/index/due DeliveriesTable/index/due: dynamodb:Query',
      'EntitiesTable: dynamodb:BatchGetItem dynamodb:ConditionCheckItem dynamodb:GetItem dynamodb:PutItem dynamodb:Query dynamodb:UpdateItem',
      'EventsTable: dynamodb:BatchGetItem dynamodb:GetItem dynamodb:PutItem',
      'DeliveriesTable: dynamodb:BatchGetItem dynamodb:PartiQLUpdate dynamodb:Query dynamodb:UpdateItem dynamodb:GetItem dynamodb:PutItem dynamodb:DeleteItem',
      'DeliveryQueue: sqs:SendMessage',
      'SlowDeliveryQueue: sqs:SendMessage',
      'OrderedDeliveryQueue: sqs:SendMessage',
    ]);
  });

  it('api: read, list and commit, count and claim, mark retries, open lockers, seal and open secrets', () => {
    expect(permissionsOf('ApiFunction')).toEqual([
      'EntitiesTable: dynamodb:GetItem dynamodb:BatchGetItem dynamodb:Query dynamodb:PutItem dynamodb:UpdateItem dynamodb:DeleteItem',
      'DeliveriesTable/index/due EntitiesTable/index/due: dynamodb:Query',
      'EntitiesTable/index/byPartner: dynamodb:Query',
      'EventsTable: dynamodb:GetItem dynamodb:BatchGetItem dynamodb:Query dynamodb:PutItem',
      'DeliveriesTable: dynamodb:GetItem dynamodb:BatchGetItem dynamodb:Query dynamodb:UpdateItem',
      `arn:<AWS::Partition>:iot:${thisAccount}:topic/towers/*/commands: iot:Publish`,
      'SecretsKey: kms:Encrypt kms:Decrypt',
    ]);
  });

  it('secrets open only for a partner and an endpoint', () => {
    const using = roles.flatMap(({ statements }) =>
      statements.filter(({ Action }) => Action.some((action) => action.startsWith('kms:'))),
    );
    const bound = {
      'ForAllValues:StringEquals': { 'kms:EncryptionContextKeys': ['partnerId', 'endpointId'] },
      Null: { 'kms:EncryptionContext:partnerId': 'false', 'kms:EncryptionContext:endpointId': 'false' },
    };
    // `deliver` and `api`.
    expect(using.map(({ Condition }) => Condition)).toEqual([bound, bound]);
  });
});
