import * as z from 'zod';

const NodeSchema = z.record(z.string(), z.unknown());

const MediaSchema = z.object({
  schema: NodeSchema.optional(),
  example: z.unknown().optional(),
  examples: z.record(z.string(), z.looseObject({ value: z.unknown().optional() })).optional(),
});

export interface Example {
  /** Where it stands, for a reader. */
  place: string;
  schema: Record<string, unknown>;
  value: unknown;
}

/** Everything in an OpenAPI document that has a schema and an example beside it: bodies, parameters, headers. */
export function examplesIn(node: unknown, place = '#'): Example[] {
  if (Array.isArray(node)) return node.flatMap((item, index) => examplesIn(item, `${place}/${index}`));
  const { data: object } = NodeSchema.safeParse(node);
  if (object === undefined) return [];
  const { data: media } = MediaSchema.safeParse(object);
  const own =
    media?.schema === undefined
      ? []
      : [
          ...('example' in object ? [{ place, schema: media.schema, value: media.example }] : []),
          ...Object.entries(media.examples ?? {}).map(([name, { value }]) => ({
            place: `${place}/examples/${name}`,
            schema: media.schema ?? {},
            value,
          })),
        ];
  return [
    ...own,
    ...Object.entries(object).flatMap(([key, value]) =>
      // What an example says is no part of the document.
      key === 'example' || key === 'examples' ? [] : examplesIn(value, `${place}/${key}`),
    ),
  ];
}

const OperationSchema = z.looseObject({
  operationId: z.string(),
  summary: z.string().min(1).optional(),
  tags: z.array(z.string()).optional(),
  parameters: z
    .array(z.looseObject({ name: z.string(), in: z.string(), example: z.unknown().optional() }))
    .default([]),
  requestBody: z.looseObject({ content: z.record(z.string(), z.looseObject({})) }).optional(),
  responses: z.record(
    z.string(),
    z.looseObject({ content: z.record(z.string(), z.looseObject({})).optional() }),
  ),
});
export type DocumentedOperation = z.infer<typeof OperationSchema>;

const DocumentSchema = z.looseObject({
  tags: z.array(z.object({ name: z.string(), description: z.string() })),
  paths: z.record(z.string(), z.record(z.string(), OperationSchema)),
  webhooks: z.record(z.string(), z.record(z.string(), OperationSchema)),
  components: z.looseObject({ schemas: z.record(z.string(), NodeSchema) }),
});

export const parseJson = (text: string) => NodeSchema.parse(JSON.parse(text));

export const parseDocument = (text: string) => DocumentSchema.parse(JSON.parse(text));

export const operationsIn = (
  paths: Record<string, Record<string, DocumentedOperation>>,
): DocumentedOperation[] => Object.values(paths).flatMap((item) => Object.values(item));
