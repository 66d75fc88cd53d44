import * as z from 'zod';
import { synthesize } from '../lib/synthesized.ts';

const DocumentSchema = z.object({
  Statement: z.array(z.object({ Action: z.union([z.string(), z.array(z.string())]), Resource: z.json() })),
});
const RoleSchema = z.object({ Policies: z.array(z.object({ PolicyDocument: DocumentSchema })) });
const FunctionSchema = z.object({ Role: z.object({ 'Fn::GetAtt': z.tuple([z.string(), z.string()]) }) });

/** What each function's role allows: actions, and the resources as the template names them. */
export function statementsByFunction(): Map<string, { actions: string[]; resources: string }[]> {
  const stack = synthesize('prod');
  const entries = stack.ofType('AWS::Lambda::Function').map(([id, { Properties }]) => {
    const role = stack.get(FunctionSchema.parse(Properties).Role['Fn::GetAtt'][0]);
    const statements = RoleSchema.parse(role.Properties).Policies.flatMap(
      ({ PolicyDocument }) => PolicyDocument.Statement,
    );
    const read = statements.map(({ Action, Resource }) => ({
      actions: [Action].flat(),
      resources: JSON.stringify(Resource),
    }));
    return [id, read] as const;
  });
  return new Map(entries);
}
