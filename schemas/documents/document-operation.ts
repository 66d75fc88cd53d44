import * as z from 'zod';
import type { ZodObjectInput, ZodOpenApiOperationObject, ZodOpenApiResponseObject } from 'zod-openapi';
import { scopesOf } from '../../functions/api/identify.ts';
import type { Operation } from '../../functions/api/operation.ts';
import { isPage } from '../../functions/api/response.ts';
import { exampleOf, parameterExample } from './example-of.ts';
import { problemPages, problemReferences } from './problems.ts';

/** As our own user pool names them; an issuer that leaves out `towercast/` will do too. */
export const scopes = { operator: scopesOf.operator[0], partner: scopesOf.partner[0] } as const;

const IdempotencyKeySchema = z
  .string()
  .min(1)
  .max(255)
  .optional()
  .meta({
    param: {
      description:
        'The same key with the same body gives the same answer, however often it is sent; with another body it is refused ' +
        'with 409.',
      example: '0b3f0a52-6c2e-4f0b-8d55-3a6a3b6c6f10',
    },
  });

const ifMatch = {
  param: {
    description: 'The ETag of what was read: a change that somebody else made meanwhile is not overwritten.',
    example: '"3"',
  },
};

const etagHeader = z
  .string()
  .optional()
  .meta({
    header: { description: 'The version, for If-Match.', example: '"3"' },
  });

/** `locker-page` and `Locker page` are one tag. */
export const sentenceCase = (tag: string): string =>
  `${tag.slice(0, 1).toUpperCase()}${tag.slice(1).replaceAll('-', ' ')}`;

/** Whether an operation must send If-Match, as functions/api/operation.ts has it. */
export const requiresIfMatch = ({ method, requiresIfMatch }: Operation): boolean =>
  requiresIfMatch ?? method === 'PATCH';

/** One operation as OpenAPI has it. `versioned`: whether what it answers carries an ETag. */
export function documentOperation(operation: Operation, versioned: boolean): ZodOpenApiOperationObject {
  const { operationId, tag, summary, description } = operation;
  const body = requestBody(operation);
  return {
    operationId,
    tags: [sentenceCase(tag)],
    summary,
    ...(description !== undefined && { description }),
    security: security(operation),
    requestParams: {
      path: withExamples(operation.params),
      query: withExamples(operation.query),
      header: headers(operation),
    },
    ...(body !== undefined && { requestBody: body }),
    responses: {
      ...(!operation.alwaysRefuses && { [operation.response.status]: success(operation, versioned) }),
      ...refusals(operation),
    },
  };
}

function security({ access }: Operation): Record<string, string[]>[] {
  if (access === 'public') return [];
  const names = access === 'any' ? [scopes.operator, scopes.partner] : [scopes[access]];
  return names.map((scope) => ({ oidc: [scope] }));
}

/** Narrows a schema to the object that it is; OpenAPI lists parameters one by one. */
function asObject(schema: z.ZodType): z.ZodObject {
  if (schema instanceof z.ZodObject) return schema;
  throw new TypeError('parameters must be a z.object or z.strictObject');
}

function withExamples(schema: z.ZodType): ZodObjectInput {
  const shape = asObject(schema).shape;
  return z.object(
    Object.fromEntries(
      Object.entries(shape).map(([name, field]) => {
        const example = field instanceof z.ZodType ? parameterExample(name, field) : undefined;
        if (!(field instanceof z.ZodType) || example === undefined) return [name, field];
        const meta = z.globalRegistry.get(field) ?? {};
        return [name, field.meta({ ...meta, param: { ...meta.param, example } })];
      }),
    ),
  );
}

function headers(operation: Operation): ZodObjectInput {
  return z.object({
    ...(operation.creates && { 'Idempotency-Key': IdempotencyKeySchema }),
    ...(requiresIfMatch(operation) && { 'If-Match': z.string().meta(ifMatch) }),
  });
}

function requestBody({ body, bodyType = 'json', examples }: Operation) {
  if (body === null) return undefined;
  const type = bodyType === 'form' ? 'application/x-www-form-urlencoded' : 'application/json';
  const example = examples?.body ?? exampleOf(body, { all: false });
  return {
    required: true,
    content: { [type]: { schema: body, ...(example !== undefined && { example }) } },
  };
}

function success({ response, examples }: Operation, versioned: boolean): ZodOpenApiResponseObject {
  const { schema, description, contentType = 'application/json' } = response;
  if (schema === null) return { description };
  const example = examples?.response ?? exampleOf(schema, { all: true });
  const media = { schema, ...(example !== undefined && { example }) };
  return {
    description,
    ...(versioned && { headers: z.object({ ETag: etagHeader }) }),
    content: { [contentType]: media },
  };
}

function refusals(operation: Operation) {
  const statuses = problemStatuses(operation);
  const { contentType } = operation.response;
  return isPage(operation) && contentType !== undefined
    ? problemPages(statuses, contentType)
    : problemReferences(statuses);
}

function problemStatuses(operation: Operation): number[] {
  const { access, params, body, creates, problems = [] } = operation;
  return [
    400,
    ...(access === 'public' ? [] : [401, 403]),
    ...(Object.keys(asObject(params).shape).length > 0 ? [404] : []),
    ...(creates ? [409] : []),
    ...(requiresIfMatch(operation) ? [409, 412, 428] : []),
    ...(body === null ? [] : [413, 415]),
    ...problems,
    500,
  ];
}
