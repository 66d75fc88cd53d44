import * as z from 'zod';
import {
  createDocument,
  type ZodOpenApiOverride,
  type ZodOpenApiPathsObject,
  type ZodOpenApiSecuritySchemeObject,
} from 'zod-openapi';
import type { Operation } from '../../functions/api/operation.ts';
import { documentOperation, requiresIfMatch, scopes, sentenceCase } from './document-operation.ts';
import { ProblemSchema, problemResponses } from './problems.ts';
import { makeReadable } from './readable-schema.ts';
import { tags } from './tags.ts';
import { buildWebhooks } from './webhooks.ts';

/**
 * The HTTP API and the webhooks it sends as OpenAPI 3.1, from the operations that the router itself walks over.
 * https://spec.openapis.org/oas/v3.1.1.html
 */
export function buildOpenApi(operations: readonly Operation[], version: string): object {
  return createDocument(
    {
      openapi: '3.1.1',
      info: {
        title: 'Towercast',
        version,
        description,
        license: { name: 'MIT', identifier: 'MIT' },
      },
      servers: [
        {
          url: '{api}',
          description: 'The stack’s output ApiUrl, or what `npm start` prints.',
          variables: { api: { default: 'http://127.0.0.1:7883' } },
        },
      ],
      tags: tagsOf(operations),
      security: [{ oidc: [scopes.partner] }, { oidc: [scopes.operator] }],
      paths: buildPaths(operations),
      webhooks: buildWebhooks(),
      components: {
        securitySchemes: { oidc: securityScheme },
        schemas: { ...resourceSchemas(operations), Problem: ProblemSchema },
        responses: problemResponses,
      },
    },
    { override },
  );
}

const description = [
  'One API for operators and partners; a partner sees only its own, and what belongs to another is a 404.',
  'A refusal is `application/problem+json` (RFC 9457); only what API Gateway refuses itself, tokens and\n' +
    'bodies beyond its limit, gets its own `application/json`, and the pages behind links answer with pages.\n' +
    'Unknown fields are refused.',
  'A POST that creates takes an `Idempotency-Key`; a change takes `If-Match` with the `ETag` of what was read.',
  'Lists give a `nextCursor` while there is a next page: opaque, for `cursor`, and good while data changes.',
].join('\n\n');

const securityScheme: ZodOpenApiSecuritySchemeObject = {
  type: 'oauth2',
  description:
    'A JWT of the configured OIDC issuer. Its client id names the partner; its scope tells operators apart.',
  flows: {
    clientCredentials: {
      tokenUrl: 'https://issuer.example/oauth2/token',
      scopes: {
        [scopes.partner]: 'a partner: its own resources',
        [scopes.operator]: 'an operator: everything',
      },
    },
  },
};

/** What clients get may grow: they must not refuse fields that they don't know. */
const override: ZodOpenApiOverride = ({ jsonSchema, zodSchema, io }) => {
  makeReadable(jsonSchema);
  if (io === 'output' && zodSchema instanceof z.ZodObject && jsonSchema.additionalProperties === false)
    delete jsonSchema.additionalProperties;
};

function buildPaths(operations: readonly Operation[]): ZodOpenApiPathsObject {
  const versioned = new Set(operations.filter(requiresIfMatch).map(({ path }) => path));
  const carriesVersion = ({ path, method, response }: Operation) =>
    response.status !== 204 &&
    (versioned.has(path) || (method === 'POST' && [...versioned].some((item) => isItemOf(item, path))));
  const paths: ZodOpenApiPathsObject = {};
  for (const operation of operations) {
    const item = (paths[operation.path] ??= {});
    item[methodKey(operation)] = documentOperation(operation, carriesVersion(operation));
  }
  return paths;
}

const methodKeys = { GET: 'get', POST: 'post', PUT: 'put', PATCH: 'patch', DELETE: 'delete' } as const;
const methodKey = ({ method }: Operation) => methodKeys[method];

/** `/v1/endpoints/{endpointId}` is an item of `/v1/endpoints`. */
const isItemOf = (item: string, collection: string): boolean =>
  item.startsWith(`${collection}/{`) && !item.slice(collection.length + 1).includes('/');

/** What `get<Name>` answers is the schema `<Name>`; lists of it then refer to it. */
function resourceSchemas(operations: readonly Operation[]): Record<string, z.ZodType> {
  return Object.fromEntries(
    operations.flatMap(({ operationId, response: { schema } }) => {
      const name = /^(?:get|read)([A-Z]\w*)$/.exec(operationId)?.[1];
      return name !== undefined && schema instanceof z.ZodObject ? [[name, schema]] : [];
    }),
  );
}

const tagsOf = (operations: readonly Operation[]) =>
  [...new Set(operations.map(({ tag }) => sentenceCase(tag))), 'Webhooks'].map((name) => ({
    name,
    description: tags[name]?.description ?? '',
    'x-command': tags[name]?.command ?? name.toLowerCase().replaceAll(' ', '-'),
  }));
