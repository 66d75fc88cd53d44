import { describe, expect, it } from 'vitest';
import { synthesize } from './synthesized.ts';

const stack = synthesize('dev');
const arnOf = (logicalId: string) => ({ 'Fn::GetAtt': [logicalId, 'Arn'] });

describe('the IoT rule', () => {
  it('hands every publication, whatever its bytes are, to ingest, and its failures to a queue', () => {
    expect(stack.get('TowerRule').Properties).toMatchObject({
      RuleName: 'towercast_dev',
      TopicRulePayload: {
        AwsIotSqlVersion: '2016-03-23',
        RuleDisabled: false,
        Sql:
          "SELECT encode(*, 'base64') AS payload, topic() AS topic, clientid() AS clientId, " +
          "timestamp() AS receivedAt, traceid() AS traceId FROM 'towers/+/events'",
        Actions: [{ Lambda: { FunctionArn: arnOf('IngestFunction') } }],
        ErrorAction: { Sqs: { QueueUrl: { Ref: 'RuleErrorQueue' }, UseBase64: false } },
      },
    });
  });

  it('may invoke ingest: this rule, in this account', () => {
    const permissions = stack
      .ofType('AWS::Lambda::Permission')
      .map(([, permission]) => permission.Properties)
      .filter((permission) => permission['Principal'] === 'iot.amazonaws.com');
    expect(permissions).toEqual([
      {
        Action: 'lambda:InvokeFunction',
        FunctionName: arnOf('IngestFunction'),
        Principal: 'iot.amazonaws.com',
        SourceArn: arnOf('TowerRule'),
        SourceAccount: { Ref: 'AWS::AccountId' },
      },
    ]);
  });
});

describe('asynchronous invocations of ingest', () => {
  it('are retried within bounds and end in the ingest DLQ', () => {
    expect(stack.get('IngestRetries').Properties).toEqual({
      FunctionName: { Ref: 'IngestFunction' },
      Qualifier: '$LATEST',
      MaximumRetryAttempts: 2,
      MaximumEventAgeInSeconds: 21_600,
      DestinationConfig: { OnFailure: { Destination: arnOf('IngestDlq') } },
    });
  });
});

describe('the policy of towers', () => {
  const text = JSON.stringify(stack.get('TowerPolicy').Properties['PolicyDocument']);

  it('lets a tower publish and subscribe under its own name only', () => {
    const resources = text.match(
      /:(client|topic|topicfilter)\/(?:[^"]|","|",\{"Ref":"TowerRule"\},")+?(?="\])/g,
    );
    expect(resources?.map((resource) => resource.replace('",{"Ref":"TowerRule"},"', 'RULE'))).toEqual([
      ':client/${iot:Connection.Thing.ThingName}',
      ':topic/towers/${iot:Connection.Thing.ThingName}/events',
      ':topic/$aws/rules/RULE/towers/${iot:Connection.Thing.ThingName}/events',
      ':topicfilter/towers/${iot:Connection.Thing.ThingName}/commands',
      ':topicfilter/towers/${iot:Connection.Thing.ThingName}/acks',
      ':topic/towers/${iot:Connection.Thing.ThingName}/commands',
      ':topic/towers/${iot:Connection.Thing.ThingName}/acks',
    ]);
  });

  it('has no wildcard at all', () => {
    expect(text).not.toContain('*');
  });
});
