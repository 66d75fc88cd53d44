import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { boundaries } from '../faults/boundaries.ts';
import { nameOf, statementsOf } from '../helpers/permissions.ts';
import { synthesize } from './synthesized.ts';

const stack = synthesize('dev');
const functions = stack.ofType('AWS::Lambda::Function').map(([id]) => id);

/** What a function may do, as `action resource`. */
const grantsOf = (functionId: string): string[] =>
  statementsOf(stack.resources, functionId).flatMap(({ Action, Resource }) =>
    Action.flatMap((action) => Resource.map((resource) => `${action} ${shortName(nameOf(resource))}`)),
  );

/** `…:topic/towers/*\/acks` as `acks`. */
const shortName = (resource: string): string => resource.replace(/^.*:topic\/towers\/\*\//, '');

/** What a transaction is made of: its call names the tables only. */
const inTransactions = ['PutItem', 'UpdateItem', 'DeleteItem', 'ConditionCheckItem'].map(
  (operation) => `dynamodb:${operation}`,
);

/** What a call needs, as alternatives of `action resource`. */
function needsOf(call: string): string[][] {
  const [, service = '', operation = '', argument = ''] = /^(\w+)\.(\w+)(?:\((.+)\))?$/.exec(call) ?? [];
  const resources = argument.split('+').map((one) => one.replace(/:.*$/, '').replace('.', '/index/'));
  switch (service) {
    case 'DynamoDB': {
      const actions =
        operation === 'TransactWriteItems'
          ? inTransactions
          : [`dynamodb:${operation === 'BatchExecuteStatement' ? 'PartiQLUpdate' : operation}`];
      return resources.map((resource) => actions.map((action) => `${action} ${resource}`));
    }
    case 'SQS':
      return resources.map((queue) => [`sqs:SendMessage ${queue}`]);
    case 'KMS':
      return [[`kms:${operation} SecretsKey`]];
    case 'IoT':
      return [[`iot:Publish ${argument}`]];
    case 'Partner':
      return [];
    default:
      throw new Error(`no permission is known for ${call}`);
  }
}

const MappingSchema = z.object({
  FunctionName: z.object({ Ref: z.string() }),
  EventSourceArn: z.object({ 'Fn::GetAtt': z.tuple([z.string(), z.string()]) }),
});

/** What Lambda does in the function's name. Source: "Using Lambda with Amazon SQS", "… DynamoDB". */
const neededByMappings = stack.ofType('AWS::Lambda::EventSourceMapping').flatMap(([, { Properties }]) => {
  const { FunctionName, EventSourceArn } = MappingSchema.parse(Properties);
  const [source, attribute] = EventSourceArn['Fn::GetAtt'];
  const grants =
    attribute === 'StreamArn'
      ? ['DescribeStream', 'GetRecords', 'GetShardIterator']
          .map((operation) => `dynamodb:${operation} ${source}.StreamArn`)
          .concat(`dynamodb:ListStreams ${source}/stream/*`)
      : ['ReceiveMessage', 'DeleteMessage', 'GetQueueAttributes'].map(
          (operation) => `sqs:${operation} ${source}`,
        );
  return grants.map((grant) => `${FunctionName.Ref} ${grant}`);
});

/** What neither a call of the fault suite nor a mapping needs: who does. */
const neededElsewhere: Readonly<Record<string, string>> = {
  'IngestFunction sqs:SendMessage IngestDlq': 'Lambda, for what the function gave up on',
  'FanOutFunction s3:PutObject FanOutFailuresBucket/*': 'Lambda, for what the function gave up on',
  'FanOutFunction s3:ListBucket FanOutFailuresBucket': 'Lambda, for what the function gave up on',
  'TimersFunction dynamodb:Query EntitiesTable': 'the last sign of life of a tower that owes an answer',
  'TimersFunction dynamodb:GetItem EventsTable': 'what waits behind a head that is given up',
  'TimersFunction dynamodb:GetItem DeliveriesTable': 'the lane of what is given up',
  'TimersFunction dynamodb:DeleteItem DeliveriesTable': 'its place in that lane',
  'TimersFunction sqs:SendMessage OrderedDeliveryQueue': 'what is due in lanes',
  'ApiFunction dynamodb:Query DeliveriesTable/index/due': 'how long a backlog is, what can be recovered',
  'ApiFunction dynamodb:Query EntitiesTable/index/byPartner': 'every list',
  'ApiFunction dynamodb:BatchGetItem EventsTable': 'pulled events',
  'ApiFunction dynamodb:Query EventsTable': 'the log of a lock',
  'ApiFunction dynamodb:BatchGetItem DeliveriesTable': 'what a dry run counts',
  'ApiFunction dynamodb:Query DeliveriesTable': 'lists of deliveries, and of a partner’s events',
  'ApiFunction iot:Publish commands': 'the opening of a locker',
  'ApiFunction kms:Decrypt SecretsKey': 'the rotation of a secret',
};

const made = boundaries.map(({ function: name, call }) => ({ name, call }));

describe('permissions and calls', () => {
  it('of every function are known', () => {
    expect(new Set(made.map(({ name }) => name))).toEqual(new Set(functions));
  });

  it.each([...new Map(made.map((one) => [`${one.name} ${one.call}`, one])).values()])(
    '$name may make $call',
    ({ name, call }) => {
      const grants = grantsOf(name);
      for (const alternatives of needsOf(call))
        expect(alternatives.filter((need) => grants.includes(need))).not.toEqual([]);
    },
  );

  it('nothing is permitted that nobody needs', () => {
    const needed = new Set([
      ...made.flatMap(({ name, call }) =>
        needsOf(call)
          .flat()
          .map((need) => `${name} ${need}`),
      ),
      ...neededByMappings,
      ...Object.keys(neededElsewhere),
    ]);
    const granted = functions.flatMap((id) => grantsOf(id).map((grant) => `${id} ${grant}`));
    expect(granted.filter((grant) => !needed.has(grant))).toEqual([]);
    expect(Object.keys(neededElsewhere).filter((grant) => !granted.includes(grant))).toEqual([]);
  });
});
