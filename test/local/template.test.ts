import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { type QueueAddresses, Template } from '../../local/template.ts';

const Anything = z.record(z.string(), z.json());

const templateOf = (Resources: Record<string, unknown>, queues?: QueueAddresses) =>
  new Template('Towercast-local', { Resources }, queues);

const propertiesOf = (Properties: Record<string, unknown>, others: Record<string, unknown> = {}) =>
  templateOf({
    Subject: { Type: 'AWS::IoT::Policy', Properties },
    Table: { Type: 'AWS::DynamoDB::Table', Properties: { TableName: 'things' } },
    Bucket: { Type: 'AWS::S3::Bucket' },
    Role: { Type: 'AWS::IAM::Role' },
    ...others,
  }).resource('Subject', Anything).properties;

describe('a template', () => {
  it('refuses an unknown resource type by its name and the resource that has it', () => {
    expect(() => templateOf({ Mailer: { Type: 'AWS::SES::Template' } })).toThrow(
      /Mailer of type AWS::SES::Template/,
    );
  });

  it('refuses an unknown intrinsic function by its name', () => {
    expect(() => propertiesOf({ PolicyName: { 'Fn::ImportValue': 'x' } })).toThrow(/Fn::ImportValue/);
  });

  it('refuses a property that the local stack does not run, with its path', () => {
    const template = templateOf({ Table: { Type: 'AWS::DynamoDB::Table', Properties: { Replicas: [] } } });
    expect(() => template.resource('Table', z.strictObject({}))).toThrow(
      /Table \(AWS::DynamoDB::Table\).*Replicas/,
    );
  });

  it('refuses a reference to what it does not contain', () => {
    expect(() => propertiesOf({ PolicyName: { Ref: 'Nowhere' } })).toThrow(/Nowhere/);
    expect(() => propertiesOf({ PolicyName: { 'Fn::GetAtt': ['Table', 'Colour'] } })).toThrow(
      /Table\.Colour/,
    );
  });

  it('resolves Ref to the physical name, given or generated', () => {
    const { given, generated } = propertiesOf({ given: { Ref: 'Table' }, generated: { Ref: 'Bucket' } });
    expect(given).toBe('things');
    expect(generated).toBe('towercast-local-bucket');
  });

  it('resolves pseudo parameters, GetAtt, Join and Sub at any depth', () => {
    const properties = propertiesOf({
      list: [{ inner: { 'Fn::Join': ['', ['arn:', { Ref: 'AWS::Partition' }, ':', { Ref: 'Role' }]] } }],
      arn: { 'Fn::GetAtt': ['Table', 'Arn'] },
      sub: { 'Fn::Sub': '${Table}/${Role.Arn}/${!literal}/${AWS::Region}' },
      variables: { 'Fn::Sub': ['${a}-${Table}', { a: { Ref: 'AWS::StackName' } }] },
    });
    expect(properties).toEqual({
      list: [{ inner: 'arn:aws:Towercast-local-Role' }],
      arn: 'arn:aws:dynamodb:us-east-1:000000000000:table/things',
      sub: 'things/arn:aws:iam::000000000000:role/Towercast-local-Role/${literal}/us-east-1',
      variables: 'Towercast-local-things',
    });
  });

  it("leaves an IoT policy's own variables alone", () => {
    const resource = { 'Fn::Join': ['', ['topic/', '${iot:Connection.Thing.ThingName}']] };
    expect(propertiesOf({ resource })).toEqual({ resource: 'topic/${iot:Connection.Thing.ThingName}' });
  });

  it('resolves a queue to where its engine listens, and not before it does', () => {
    const queues: QueueAddresses = new Map();
    const template = templateOf(
      {
        Queue: { Type: 'AWS::SQS::Queue' },
        Subject: {
          Type: 'AWS::IoT::Policy',
          Properties: { url: { Ref: 'Queue' }, arn: { 'Fn::GetAtt': ['Queue', 'Arn'] } },
        },
      },
      queues,
    );
    expect(() => template.resource('Subject', Anything)).toThrow(/Queue before it can exist/);
    queues.set('Queue', { url: 'http://127.0.0.1:1/0/q', arn: 'arn:q' });
    expect(template.resource('Subject', Anything).properties).toEqual({
      url: 'http://127.0.0.1:1/0/q',
      arn: 'arn:q',
    });
  });
});
