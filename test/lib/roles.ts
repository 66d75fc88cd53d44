import * as z from 'zod';
import type { Synthesized } from './synthesized.ts';

const list = z.union([z.string(), z.array(z.json())]).transform((value) => [value].flat());
const StatementSchema = z.object({
  Effect: z.literal('Allow'),
  Action: z.union([z.string(), z.array(z.string())]).transform((value) => [value].flat()),
  Resource: z.union([list, z.json().transform((value) => [value])]),
  Condition: z.json().optional(),
});
type Statement = z.infer<typeof StatementSchema>;
const DocumentSchema = z.object({ Statement: z.array(StatementSchema) });
const RoleSchema = z.object({
  Policies: z.array(z.object({ PolicyDocument: DocumentSchema })),
  ManagedPolicyArns: z.undefined().optional(),
});

/** `{"Fn::GetAtt":["EntitiesTable","Arn"]}` as `EntitiesTable`, and a joined ARN as its text. */
export const nameOf = (resource: z.infer<ReturnType<typeof z.json>>): string => {
  const attribute = z.object({ 'Fn::GetAtt': z.tuple([z.string(), z.string()]) }).safeParse(resource);
  if (attribute.success) {
    const [id, name] = attribute.data['Fn::GetAtt'];
    return name === 'Arn' ? id : `${id}.${name}`;
  }
  const join = z.object({ 'Fn::Join': z.tuple([z.literal(''), z.array(z.json())]) }).safeParse(resource);
  if (join.success) return join.data['Fn::Join'][1].map(nameOf).join('');
  const reference = z.object({ Ref: z.string() }).safeParse(resource);
  return reference.success ? `<${reference.data.Ref}>` : z.string().parse(resource);
};

interface StackRole {
  id: string;
  statements: Statement[];
}

export const rolesOf = (stack: Synthesized): StackRole[] =>
  stack.ofType('AWS::IAM::Role').map(([id, role]) => {
    const statements = RoleSchema.parse(role.Properties).Policies.flatMap(
      (policy) => policy.PolicyDocument.Statement,
    );
    return { id, statements };
  });

/** What a function may do, without writing its own log. */
export function statementsOf(stack: Synthesized, functionId: string): Statement[] {
  const { Role } = z
    .object({ Role: z.object({ 'Fn::GetAtt': z.tuple([z.string(), z.string()]) }) })
    .parse(stack.get(functionId).Properties);
  const role = rolesOf(stack).find(({ id }) => id === Role['Fn::GetAtt'][0]);
  return (role?.statements ?? []).filter(
    ({ Action }) => !Action.some((action) => action.startsWith('logs:')),
  );
}
