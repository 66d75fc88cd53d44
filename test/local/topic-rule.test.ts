import { describe, expect, it } from 'vitest';
import type { Publication } from '../../local/engines/iot-data.ts';
import type { Json } from '../../local/intrinsics.ts';
import { createRules, TopicRuleSchema } from '../../local/topic-rule.ts';

const publication = (topic: string): Publication => ({
  topic,
  payload: Buffer.from('hi'),
  qos: 1,
  retain: false,
});

/** One rule named `tower_rule`; what it invoked and what its error action sent. */
function setUp({ failing = false, errorAction = true, disabled = false } = {}) {
  const invoked: Json[] = [];
  const sent: unknown[] = [];
  const ErrorAction = { Sqs: { QueueUrl: 'http://q', RoleArn: 'arn:role', UseBase64: false } };
  const rules = createRules([
    {
      name: 'tower_rule',
      properties: TopicRuleSchema.parse({
        TopicRulePayload: {
          AwsIotSqlVersion: '2016-03-23',
          Sql: "SELECT encode(*, 'base64') AS payload, topic() AS topic, clientid() AS clientId FROM 'towers/+/events'",
          RuleDisabled: disabled,
          Actions: [{ Lambda: { FunctionArn: 'arn:f' } }],
          ...(errorAction ? { ErrorAction } : {}),
        },
      }),
      invoke: async (_, event) => {
        if (failing) throw new Error('no process');
        invoked.push(event);
      },
      sendToQueue: async (url, body) => {
        sent.push([url, JSON.parse(body)]);
      },
    },
  ]);
  return { rules, invoked, sent };
}

describe('a topic rule', () => {
  it('invokes its function with what its SQL selects', async () => {
    const { rules, invoked } = setUp();
    await rules(publication('towers/t1/events'), 't1');
    expect(invoked).toEqual([{ payload: 'aGk=', topic: 'towers/t1/events', clientId: 't1' }]);
  });

  it('runs for Basic Ingest by its name, and sees the topic without the prefix', async () => {
    const { rules, invoked } = setUp();
    await rules(publication('$aws/rules/tower_rule/towers/t1/events'), 't1');
    await rules(publication('$aws/rules/other_rule/towers/t1/events'), 't1');
    expect(invoked).toMatchObject([{ topic: 'towers/t1/events' }]);
  });

  it('does nothing for other topics, or when it is disabled', async () => {
    const { rules, invoked } = setUp();
    await rules(publication('towers/t1/commands'), 't1');
    const disabled = setUp({ disabled: true });
    await disabled.rules(publication('towers/t1/events'), 't1');
    expect([...invoked, ...disabled.invoked]).toEqual([]);
  });

  it('keeps the whole message by its error action when Lambda does not take it', async () => {
    const { rules, sent } = setUp({ failing: true });
    await rules(publication('towers/t1/events'), 't1');
    expect(sent).toMatchObject([
      [
        'http://q',
        {
          ruleName: 'tower_rule',
          topic: 'towers/t1/events',
          clientId: 't1',
          base64OriginalPayload: 'aGk=',
          failures: [{ failedAction: 'LambdaAction', failedResource: 'arn:f', errorMessage: 'no process' }],
        },
      ],
    ]);
  });

  it('rejects, so that nobody acknowledges, when the message is kept nowhere', async () => {
    const { rules } = setUp({ failing: true, errorAction: false });
    await expect(rules(publication('towers/t1/events'), 't1')).rejects.toThrow('no process');
  });
});
