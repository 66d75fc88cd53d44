import * as z from 'zod';

/** Resources of a template, by logical id. */
type Resources = Readonly<Record<string, { readonly Properties?: unknown; readonly Type: string }>>;

const list = z.union([z.string(), z.array(z.json())]).transform((value) => [value].flat());
const StatementSchema = z.object({
  Effect: z.literal('Allow'),
  Action: z.union([z.string(), z.array(z.string())]).transform((value) => [value].flat()),
  Resource: z.union([list, z.json().transform((value) => [value])]),
  Condition: z.json().optional(),
});
const DocumentSchema = z.object({ Statement: z.array(StatementSchema) });
const RoleSchema = z.object({
  Policies: z.array(z.object({ PolicyDocument: DocumentSchema })),
  ManagedPolicyArns: z.undefined().optional(),
});
const FunctionSchema = z.object({
  Role: z.object({ 'Fn::GetAtt': z.tuple([z.string(), z.string()]) }),
});

type Statement = z.infer<typeof StatementSchema>;

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

/** All roles with what they permit. Each must say it all by itself. */
export const rolesOf = (resources: Resources): { id: string; statements: Statement[] }[] =>
  Object.entries(resources)
    .filter(([, { Type }]) => Type === 'AWS::IAM::Role')
    .map(([id, { Properties }]) => ({
      id,
      statements: RoleSchema.parse(Properties).Policies.flatMap((policy) => policy.PolicyDocument.Statement),
    }));

/** What a function may do, without writing its own log. */
export function statementsOf(resources: Resources, functionId: string): Statement[] {
  const [roleId] = FunctionSchema.parse(resources[functionId]?.Properties).Role['Fn::GetAtt'];
  const role = rolesOf(resources).find(({ id }) => id === roleId);
  return (role?.statements ?? []).filter(
    ({ Action }) => !Action.some((action) => action.startsWith('logs:')),
  );
}
