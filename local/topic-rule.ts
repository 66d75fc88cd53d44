import { randomUUID } from 'node:crypto';
import * as z from 'zod';
import type { Publication } from './engines/iot-data.ts';
import type { Json } from './intrinsics.ts';
import { matchesTopic, parseRuleSql } from './rule-sql.ts';

/** Properties of AWS::IoT::TopicRule: Lambda actions, and an error action to SQS. */
export const TopicRuleSchema = z.strictObject({
  RuleName: z.string().optional(),
  TopicRulePayload: z.strictObject({
    AwsIotSqlVersion: z.string(),
    Sql: z.string(),
    Description: z.string().optional(),
    RuleDisabled: z.boolean().default(false),
    Actions: z.array(z.strictObject({ Lambda: z.strictObject({ FunctionArn: z.string() }) })).min(1),
    ErrorAction: z
      .strictObject({
        Sqs: z.strictObject({
          QueueUrl: z.string(),
          RoleArn: z.string(),
          UseBase64: z.boolean().default(false),
        }),
      })
      .optional(),
  }),
  Tags: z.unknown().optional(),
});

export interface TopicRuleOptions {
  readonly name: string;
  readonly properties: z.infer<typeof TopicRuleSchema>;
  /** Resolves when the event is processed or parked; rejects if Lambda did not take it. */
  readonly invoke: (functionArn: string, event: Json) => Promise<void>;
  readonly sendToQueue: (queueUrl: string, body: string) => Promise<void>;
}

/** Runs the rules that a message matches. Rejects if one of them could neither act nor keep the message. */
export type Rules = (publication: Publication, clientId: string) => Promise<void>;

const basicIngest = /^\$aws\/rules\/(?<rule>[^/]+)\/(?<topic>.+)$/s;

/** Reads each rule's SQL; throws StartError for what can't be evaluated. */
export function createRules(rules: readonly TopicRuleOptions[]): Rules {
  const enabled = rules
    .filter(({ properties }) => !properties.TopicRulePayload.RuleDisabled)
    .map((rule) => {
      const { Sql, AwsIotSqlVersion } = rule.properties.TopicRulePayload;
      return { rule, query: parseRuleSql(Sql, AwsIotSqlVersion) };
    });
  return async ({ topic, payload }, clientId) => {
    // Basic Ingest names its rule in the topic; the rule's functions don't see that prefix.
    const direct = basicIngest.exec(topic)?.groups;
    const matching = enabled.filter(({ rule, query }) =>
      direct ? direct['rule'] === rule.name : matchesTopic(query.topicFilter, topic),
    );
    const message = {
      topic: direct?.['topic'] ?? topic,
      clientId,
      payload,
      receivedAt: Date.now(),
      traceId: randomUUID(),
    };
    await Promise.all(
      matching.flatMap(({ rule, query }) =>
        rule.properties.TopicRulePayload.Actions.map(({ Lambda }) =>
          act(rule, Lambda.FunctionArn, message, query.select(message)),
        ),
      ),
    );
  };
}

async function act(
  { name, properties, invoke, sendToQueue }: TopicRuleOptions,
  functionArn: string,
  message: { topic: string; clientId: string; payload: Buffer; traceId: string },
  event: Json,
): Promise<void> {
  const { ErrorAction } = properties.TopicRulePayload;
  try {
    await invoke(functionArn, event);
  } catch (error) {
    if (!ErrorAction) throw error;
    // Source: IoT Core, "Error action message format".
    const body = JSON.stringify({
      ruleName: name,
      topic: message.topic,
      cloudwatchTraceId: message.traceId,
      clientId: message.clientId,
      base64OriginalPayload: message.payload.toString('base64'),
      failures: [
        {
          failedAction: 'LambdaAction',
          failedResource: functionArn,
          errorMessage: error instanceof Error ? error.message : 'unknown error',
        },
      ],
    });
    const { QueueUrl, UseBase64 } = ErrorAction.Sqs;
    await sendToQueue(QueueUrl, UseBase64 ? Buffer.from(body).toString('base64') : body);
  }
}
