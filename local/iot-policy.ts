import * as z from 'zod';
import { account, region } from './resource-types.ts';
import { StartError } from './start-error.ts';

const list = z.union([z.string().transform((item) => [item]), z.array(z.string())]);

const StatementSchema = z.strictObject({
  Sid: z.string().optional(),
  Effect: z.enum(['Allow', 'Deny']),
  Action: list.pipe(
    z.array(
      z.enum(['iot:Connect', 'iot:Publish', 'iot:Subscribe', 'iot:Receive', 'iot:RetainPublish', 'iot:*']),
    ),
  ),
  Resource: list,
  // Every client here is its own attached thing, so this condition always holds.
  Condition: z
    .strictObject({
      Bool: z.strictObject({ 'iot:Connection.Thing.IsAttached': list.pipe(z.tuple([z.literal('true')])) }),
    })
    .optional(),
});

/** Properties of AWS::IoT::Policy. */
export const PolicySchema = z.strictObject({
  PolicyName: z.string().optional(),
  PolicyDocument: z.strictObject({ Version: z.literal('2012-10-17'), Statement: z.array(StatementSchema) }),
  Tags: z.unknown().optional(),
});
export type PolicyProperties = z.infer<typeof PolicySchema>;

export type PolicyAction =
  'iot:Connect' | 'iot:Publish' | 'iot:Subscribe' | 'iot:Receive' | 'iot:RetainPublish';

/** Whether a thing may do something to `client/…`, `topic/…` or `topicfilter/…`. */
export type IotPolicy = (thing: string, action: PolicyAction, resource: string) => boolean;

const variables = ['iot:Connection.Thing.ThingName', 'iot:ClientId'];

/** The characters that a thing's name may have: none of them is a wildcard of a policy or of a topic filter. */
export const isThingName = (name: string): boolean => /^[a-zA-Z0-9:_-]{1,128}$/.test(name);

/** Evaluates policy documents as IoT Core does: a deny wins, and without an allow nothing is. Throws StartError. */
export function createIotPolicy(policies: readonly PolicyProperties[]): IotPolicy {
  const statements = policies.flatMap(({ PolicyDocument }) => PolicyDocument.Statement);
  for (const variable of JSON.stringify(statements).matchAll(/\$\{([^}]*)\}/g))
    if (!variables.includes(variable[1] ?? ''))
      throw new StartError(
        'iot_policy',
        `the IoT policy uses ${variable[0]}, which the local stack does not know`,
      );
  return (thing, action, resource) => {
    const arn = `arn:aws:iot:${region}:${account}:${resource}`;
    const matching = statements.filter(
      (statement) =>
        statement.Action.some((pattern) => pattern === action || pattern === 'iot:*') &&
        statement.Resource.some((pattern) => matchesPattern(substitute(pattern, thing), arn)),
    );
    return matching.length > 0 && matching.every(({ Effect }) => Effect === 'Allow');
  };
}

const substitute = (pattern: string, thing: string): string =>
  variables.reduce((text, variable) => text.replaceAll(`\${${variable}}`, thing), pattern);

/** `*` stands for any characters and `?` for one; everything else is literal, MQTT's wildcards too. */
function matchesPattern(pattern: string, text: string): boolean {
  const expression = pattern
    .replaceAll(/[.+^${}()|[\]\\#/-]/g, String.raw`\$&`)
    .replaceAll('*', '.*')
    .replaceAll('?', '.');
  return new RegExp(`^${expression}$`, 's').test(text);
}
