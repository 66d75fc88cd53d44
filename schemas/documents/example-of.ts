import * as z from 'zod';
import { fieldExamples } from './field-examples.ts';

const NodeSchema = z.looseObject({
  type: z.union([z.string(), z.array(z.string())]).optional(),
  get properties() {
    return z.record(z.string(), NodeSchema).optional();
  },
  get items() {
    return NodeSchema.optional();
  },
  get anyOf() {
    return z.array(NodeSchema).optional();
  },
  get oneOf() {
    return z.array(NodeSchema).optional();
  },
  required: z.array(z.string()).optional(),
  enum: z.array(z.unknown()).optional(),
  default: z.unknown().optional(),
  format: z.string().optional(),
  pattern: z.string().optional(),
  minimum: z.number().optional(),
});
type Node = z.infer<typeof NodeSchema>;

/**
 * A sample of what a schema describes: each field by its name where field-examples.ts has a fitting one, else by its
 * type. Of optional fields answers (`all`) show those with a sample by name, request bodies none. A test validates each by its schema.
 */
export function exampleOf(schema: z.ZodType, { all }: { all: boolean }): unknown {
  const rendered = z.toJSONSchema(schema, { io: all ? 'output' : 'input', unrepresentable: 'any' });
  const example = sample(NodeSchema.parse(rendered), '', all);
  return schema.safeParse(example).success ? example : undefined;
}

/** The sample of one parameter; undefined where there is no fitting one. */
export function parameterExample(name: string, schema: z.ZodType): unknown {
  const example = fieldExamples[name];
  return example !== undefined && schema.safeParse(example).success ? example : undefined;
}

function sample(node: Node, name: string, all: boolean): unknown {
  const named = fieldExamples[name];
  if (named !== undefined && fits(node, named)) return named;
  if ('const' in node) return node['const'];
  if (node.enum !== undefined) return node.enum[0];
  const [alternative] = node.anyOf ?? node.oneOf ?? [];
  if (alternative !== undefined) return sample(alternative, name, all);
  return sampleOfType(node, name, all);
}

function sampleOfType(node: Node, name: string, all: boolean): unknown {
  const type: unknown = Array.isArray(node.type) ? node.type[0] : node.type;
  switch (type) {
    case 'object':
      return sampleObject(node, all);
    case 'array':
      return node.items === undefined ? [] : [sample(node.items, name.replace(/s$/, ''), all)];
    case 'string':
      return sampleText(node, name);
    case 'integer':
    case 'number':
      return node.minimum ?? 1;
    case 'boolean':
      return node.default ?? true;
    default:
      return null;
  }
}

const sampleObject = ({ properties = {}, required = [] }: Node, all: boolean): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(properties)
      .filter(([field]) => required.includes(field) || (all && field in fieldExamples))
      .map(([field, property]) => [field, sample(property, field, all)]),
  );

function sampleText({ format, pattern = '' }: Node, name: string): string {
  if (format === 'uuid') return '6f0c3c0e-7a52-4a3b-9d41-0a5b6c7d8e9f';
  if (format === 'date') return '2026-03-20';
  if (format === 'uri') return 'https://partner.example/hooks';
  if (format === 'date-time' || pattern.startsWith(String.raw`^\d{4}-`)) return '2026-03-20T09:15:00.000Z';
  if (name === 'id' && pattern === '') return 'evt_0000000000000001-9_mmykbvk0_b7-1042';
  return name === '' ? 'text' : name;
}

/** By zod's own reading of the JSON schema, so that a name that means something else elsewhere does no harm. */
function fits(node: Node, value: unknown): boolean {
  const { data } = z.record(z.string(), z.json()).safeParse(node);
  return data !== undefined && z.fromJSONSchema(data).safeParse(value).success;
}
