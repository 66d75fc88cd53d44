import { resolveSchema, type ApiDocument, type DocumentedOperation, type JsonSchema } from './document.ts';
import { kebabCase } from './names.ts';

/** `list` is a flag that may be repeated; `json` takes JSON, `@file` or `-` for what has parts. */
export type FlagKind = 'string' | 'integer' | 'number' | 'boolean' | 'list' | 'json';

export interface Flag {
  /** Without the dashes: `tower-id`. */
  name: string;
  in: 'query' | 'header' | 'body';
  /** The field's own name: `towerId`. */
  field: string;
  kind: FlagKind;
  required: boolean;
  description: string;
  /** Where only these are allowed. */
  values: string[];
  /** Of a list's items. */
  itemKind: FlagKind;
}

/** Query parameters and headers as flags. */
export function parameterFlags(document: ApiDocument, { parameters }: DocumentedOperation): Flag[] {
  return parameters.flatMap((parameter) => {
    if (parameter.in === 'path') return [];
    const schema = resolveSchema(document, parameter.schema);
    return [
      {
        ...flagOf(document, parameter.name, schema, parameter.required),
        in: parameter.in,
        description: parameter.description ?? schema.description ?? '',
      },
    ];
  });
}

/** The fields of a JSON body as flags. Of a body that has several forms, the fields of all. */
export function bodyFlags(document: ApiDocument, operation: DocumentedOperation): Flag[] {
  const schema = bodySchema(operation);
  if (schema === undefined) return [];
  const taken = new Set(operation.parameters.map(({ name }) => kebabCase(name)));
  return formsOf(document, schema)
    .flatMap((form) =>
      Object.entries(form.properties ?? {}).map(([field, property]) =>
        flagOf(document, field, property, form.required?.includes(field) ?? false),
      ),
    )
    .filter((flag) => !taken.has(flag.name) && taken.add(flag.name));
}

export const bodySchema = ({ requestBody }: DocumentedOperation): JsonSchema | undefined =>
  requestBody?.content['application/json']?.schema;

/** The object schemas that a schema allows: itself, or its alternatives. */
function formsOf(document: ApiDocument, schema: JsonSchema): JsonSchema[] {
  const resolved = resolveSchema(document, schema);
  const alternatives = resolved.anyOf ?? resolved.oneOf;
  if (alternatives === undefined) return [resolved];
  const forms = alternatives.flatMap((alternative) => formsOf(document, alternative));
  // A field is required only where every form asks for it.
  const [first] = forms.map(({ required = [] }) => required);
  const required = first?.filter((field) => forms.every((form) => form.required?.includes(field))) ?? [];
  return forms.map(({ properties = {} }) => ({ properties, required }));
}

function flagOf(document: ApiDocument, field: string, property: JsonSchema, required: boolean): Flag {
  const schema = withoutNull(document, resolveSchema(document, property));
  const kind = kindOf(schema);
  const items = schema.items === undefined ? {} : resolveSchema(document, schema.items);
  const itemKind = kindOf(items);
  return {
    name: kebabCase(field),
    in: 'body',
    field,
    kind: kind === 'list' && (itemKind === 'json' || itemKind === 'list') ? 'json' : kind,
    required,
    description: property.description ?? schema.description ?? '',
    values: [...(schema.enum ?? []), ...(kind === 'list' ? (items.enum ?? []) : [])].map(String),
    itemKind,
  };
}

/** `anyOf: [X, null]` is X to a reader; null itself can be given as JSON in `--body`. */
function withoutNull(document: ApiDocument, schema: JsonSchema): JsonSchema {
  const others = schema.anyOf?.filter(({ type }) => type !== 'null');
  const [only] = others ?? [];
  return others?.length === 1 && only !== undefined ? resolveSchema(document, only) : schema;
}

function kindOf({ type, const: constant, anyOf }: JsonSchema): FlagKind {
  if (anyOf !== undefined && anyOf.every((alternative) => kindOf(alternative) === 'string')) return 'string';
  const [only] = Array.isArray(type) ? type.filter((name) => name !== 'null') : [type];
  if (only === 'string' || typeof constant === 'string') return 'string';
  if (only === 'integer' || only === 'number' || only === 'boolean') return only;
  return only === 'array' ? 'list' : 'json';
}
