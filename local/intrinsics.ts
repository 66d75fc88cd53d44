import * as z from 'zod';
import { StartError } from './start-error.ts';

export type Json = z.infer<ReturnType<typeof z.json>>;

/** What references in a template stand for. Both throw StartError for a name they don't know. */
export interface References {
  ref(logicalId: string): string;
  attribute(logicalId: string, attribute: string): string;
}

const SubArgumentsSchema = z.union([
  z.string().transform((text): [string, Record<string, Json>] => [text, {}]),
  z.tuple([z.string(), z.record(z.string(), z.json())]),
]);

const GetAttArgumentsSchema = z.union([
  z.tuple([z.string(), z.string()]),
  z.string().transform((text): [string, string] => {
    const dot = text.indexOf('.');
    return [text.slice(0, dot), text.slice(dot + 1)];
  }),
]);

/**
 * A value of a template with its intrinsic functions evaluated: Ref, Fn::GetAtt, Fn::Join and Fn::Sub, which are what
 * our stack uses. Throws StartError, by name, for any other.
 */
export function resolve(value: Json, references: References): Json {
  if (Array.isArray(value)) return value.map((item) => resolve(item, references));
  if (value === null || typeof value !== 'object') return value;
  const [[name, argument] = ['', null], ...rest] = Object.entries(value);
  if (rest.length === 0 && (name === 'Ref' || name.startsWith('Fn::')))
    return evaluate(name, argument, references);
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, resolve(item, references)]));
}

function evaluate(name: string, argument: Json, references: References): string {
  switch (name) {
    case 'Ref':
      return references.ref(z.string().parse(argument));
    case 'Fn::GetAtt':
      return references.attribute(...GetAttArgumentsSchema.parse(argument));
    case 'Fn::Join': {
      const [separator, parts] = z.tuple([z.string(), z.array(z.json())]).parse(argument);
      return parts.map((part) => text(resolve(part, references))).join(separator);
    }
    case 'Fn::Sub':
      return substitute(...SubArgumentsSchema.parse(argument), references);
    default:
      throw new StartError(
        'unknown_intrinsic',
        `the template uses ${name}, which the local stack does not evaluate: add it to local/intrinsics.ts`,
      );
  }
}

/** `${Name}`, `${Name.Attribute}` and `${!Literal}`, which becomes `${Literal}`. */
function substitute(template: string, variables: Record<string, Json>, references: References): string {
  return template.replaceAll(/\$\{([^}]+)\}/g, (_, name: string) => {
    if (name.startsWith('!')) return `\${${name.slice(1)}}`;
    const variable = variables[name];
    if (variable !== undefined) return text(resolve(variable, references));
    const dot = name.indexOf('.');
    return dot < 0 ? references.ref(name) : references.attribute(name.slice(0, dot), name.slice(dot + 1));
  });
}

const text = (value: Json): string => z.coerce.string().parse(value);
