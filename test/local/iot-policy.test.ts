import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createIotPolicy, isThingName, PolicySchema } from '../../local/iot-policy.ts';

const arn = (resource: string) => `arn:aws:iot:us-east-1:000000000000:${resource}`;
const policyOf = (...Statement: unknown[]) =>
  createIotPolicy([PolicySchema.parse({ PolicyDocument: { Version: '2012-10-17', Statement } })]);

const own = '${iot:Connection.Thing.ThingName}';
const tower = policyOf({
  Effect: 'Allow',
  Action: 'iot:Publish',
  Resource: arn(`topic/towers/${own}/events`),
});

describe('an IoT policy', () => {
  it('lets a thing use the topics under its own name, and no others', () => {
    const name = fc.stringMatching(/^[a-zA-Z0-9:_-]{1,20}$/);
    fc.assert(
      fc.property(name, name, (thing, other) => {
        expect(tower(thing, 'iot:Publish', `topic/towers/${thing}/events`)).toBe(true);
        expect(tower(thing, 'iot:Publish', `topic/towers/${other}/events`)).toBe(thing === other);
        expect(tower(thing, 'iot:Subscribe', `topic/towers/${thing}/events`)).toBe(false);
      }),
    );
  });

  it('takes no name that a policy or a topic filter would read as a pattern', () => {
    for (const name of ['*', 'a*', '?', '+', '#', 'a/b', '', 'a b', '${iot:ClientId}', 'a'.repeat(129)])
      expect([name, isThingName(name)]).toEqual([name, false]);
    expect(isThingName('0000000000000001')).toBe(true);
  });

  it('reads * and ? as wildcards and everything else literally', () => {
    const policy = policyOf({
      Effect: 'Allow',
      Action: ['iot:Publish'],
      Resource: [arn('topic/a.b/*'), arn('topic/c?')],
    });
    expect(policy('t', 'iot:Publish', 'topic/a.b/x/y')).toBe(true);
    expect(policy('t', 'iot:Publish', 'topic/aXb/x')).toBe(false);
    expect(policy('t', 'iot:Publish', 'topic/c1')).toBe(true);
    expect(policy('t', 'iot:Publish', 'topic/c12')).toBe(false);
  });

  it('denies what any statement denies', () => {
    const policy = policyOf(
      { Effect: 'Allow', Action: 'iot:*', Resource: '*' },
      { Effect: 'Deny', Action: 'iot:Publish', Resource: arn('topic/secret') },
    );
    expect(policy('t', 'iot:Publish', 'topic/open')).toBe(true);
    expect(policy('t', 'iot:Publish', 'topic/secret')).toBe(false);
  });

  it('refuses a variable or a condition that it does not know', () => {
    expect(() =>
      policyOf({ Effect: 'Allow', Action: 'iot:*', Resource: '${iot:Certificate.Subject}' }),
    ).toThrow(/iot:Certificate\.Subject/);
    const Condition = { IpAddress: { 'aws:SourceIp': '10.0.0.0/8' } };
    expect(() => policyOf({ Effect: 'Allow', Action: 'iot:*', Resource: '*', Condition })).toThrow(
      /IpAddress/,
    );
  });
});
