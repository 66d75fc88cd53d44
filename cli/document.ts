import * as z from 'zod';
import { UsageError } from './cli-error.ts';

/** A JSON schema as it stands in the document: looked at key by key. */
export const JsonSchemaSchema = z.looseObject({
  $ref: z.string().optional(),
  type: z.union([z.string(), z.array(z.string())]).optional(),
  description: z.string().optional(),
  get properties() {
    return z.record(z.string(), JsonSchemaSchema).optional();
  },
  get items() {
    return JsonSchemaSchema.optional();
  },
  get anyOf() {
    return z.array(JsonSchemaSchema).optional();
  },
  get oneOf() {
    return z.array(JsonSchemaSchema).optional();
  },
  required: z.array(z.string()).optional(),
  enum: z.array(z.unknown()).optional(),
});
export type JsonSchema = z.infer<typeof JsonSchemaSchema>;

const ParameterSchema = z.object({
  name: z.string(),
  in: z.enum(['path', 'query', 'header']),
  required: z.boolean().default(false),
  description: z.string().optional(),
  schema: JsonSchemaSchema,
  example: z.unknown().optional(),
});

const MediaSchema = z.object({ schema: JsonSchemaSchema.optional(), example: z.unknown().optional() });
const ContentSchema = z.record(z.string(), MediaSchema);

const OperationSchema = z.object({
  operationId: z.string(),
  tags: z.tuple([z.string()], z.string()),
  summary: z.string(),
  description: z.string().optional(),
  parameters: z.array(ParameterSchema).default([]),
  requestBody: z.object({ content: ContentSchema, required: z.boolean().default(false) }).optional(),
  responses: z.record(z.string(), z.object({ content: ContentSchema.optional() })),
});

const methods = ['get', 'post', 'put', 'patch', 'delete'] as const;

const DocumentSchema = z.object({
  info: z.object({ version: z.string() }),
  tags: z.array(
    z.object({
      name: z.string(),
      description: z.string().default(''),
      /** What the group is called here, where that is not the tag's name. */
      'x-command': z.string().optional(),
    }),
  ),
  paths: z.record(z.string(), z.partialRecord(z.enum(methods), OperationSchema)),
  components: z.object({ schemas: z.record(z.string(), JsonSchemaSchema).default({}) }),
});

/** The parts of an OpenAPI document that the command line is made from. */
export type ApiDocument = z.infer<typeof DocumentSchema>;

export interface DocumentedOperation extends z.infer<typeof OperationSchema> {
  method: string;
  path: string;
}

/** Throws UsageError when the text is no OpenAPI document of the kind that `npm run docs:api` writes. */
export function readDocument(text: string): ApiDocument {
  const parsed = DocumentSchema.safeParse(parseJson(text));
  if (parsed.success) return parsed.data;
  throw new UsageError(`docs/api/openapi.json is not as expected: ${z.prettifyError(parsed.error)}`);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new UsageError('docs/api/openapi.json is no JSON: run npm run docs:api');
  }
}

export const operationsOf = ({ paths }: ApiDocument): DocumentedOperation[] =>
  Object.entries(paths).flatMap(([path, item]) =>
    methods.flatMap((method) => {
      const operation = item[method];
      return operation === undefined ? [] : [{ ...operation, method: method.toUpperCase(), path }];
    }),
  );

const componentPath = '#/components/schemas/';

/** Follows a reference to a component; a schema that is none stays as it is. */
export function resolveSchema(document: ApiDocument, schema: JsonSchema): JsonSchema {
  if (schema.$ref === undefined) return schema;
  const target = document.components.schemas[schema.$ref.slice(componentPath.length)];
  return target === undefined ? {} : resolveSchema(document, target);
}

/** A validator of what the schema describes. Components are carried along, so that references work. */
export function validatorOf(document: ApiDocument, schema: JsonSchema): z.ZodType {
  const standalone = JSON.stringify({ ...schema, $defs: document.components.schemas });
  const local = z
    .record(z.string(), z.json())
    .parse(JSON.parse(standalone.replaceAll(componentPath, '#/$defs/')));
  return z.fromJSONSchema(local);
}
