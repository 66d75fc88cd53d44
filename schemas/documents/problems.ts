import * as z from 'zod';
import type { ZodOpenApiResponseObject } from 'zod-openapi';

/** What every refusal looks like: RFC 9457, extended by a stable code and the wrong fields. */
export const ProblemSchema = z
  .object({
    type: z.string().describe('`about:blank`: `code` tells problems apart'),
    title: z.string(),
    status: z.int(),
    detail: z.string().describe('For people; may change'),
    code: z.string().describe('For programs; stable'),
    errors: z
      .array(
        z.object({
          pointer: z
            .string()
            .describe('JSON pointer to the field: `/body/url`, `/query/limit`, `/path/towerId`'),
          detail: z.string(),
        }),
      )
      .optional(),
  })
  .meta({ id: 'Problem' });

interface ProblemKind {
  title: string;
  description: string;
  code: string;
  detail: string;
  errors?: { pointer: string; detail: string }[];
}

/** Each status that the API may answer with, why, and a sample. */
const kinds: Readonly<Record<number, ProblemKind>> = {
  400: {
    title: 'Bad Request',
    description: 'The request is malformed; `errors` names each wrong field.',
    code: 'validation_failed',
    detail: 'One field is not as the API expects.',
    errors: [{ pointer: '/body/url', detail: 'Invalid input: expected string, received undefined' }],
  },
  401: {
    title: 'Unauthorized',
    description: 'The bearer token is missing, expired, or not from the configured issuer and audience.',
    code: 'unauthorized',
    detail: 'A valid bearer token is needed.',
  },
  403: {
    title: 'Forbidden',
    description: 'The token lacks the scope, or its client names no active partner.',
    code: 'forbidden',
    detail: 'This client may not do that.',
  },
  404: {
    title: 'Not Found',
    description: 'There is no such resource, or it belongs to somebody else: nobody learns which.',
    code: 'not_found',
    detail: 'There is no such resource.',
  },
  405: {
    title: 'Method Not Allowed',
    description: 'It can’t be done with this resource at all.',
    code: 'method_not_allowed',
    detail: 'It can’t be done with this resource.',
  },
  409: {
    title: 'Conflict',
    description: 'It contradicts what is there, or the Idempotency-Key came with another body before.',
    code: 'conflict',
    detail: 'The Idempotency-Key was used with another request.',
  },
  410: {
    title: 'Gone',
    description: 'It was there, and is over.',
    code: 'gone',
    detail: 'The link has expired.',
  },
  412: {
    title: 'Precondition Failed',
    description: 'If-Match names another version: somebody else changed it. Read it again.',
    code: 'version_mismatch',
    detail: 'The resource has changed.',
  },
  413: {
    title: 'Content Too Large',
    description: 'The body is too large.',
    code: 'body_too_large',
    detail: 'The body is too large.',
  },
  415: {
    title: 'Unsupported Media Type',
    description: 'The body is of another type than the one documented.',
    code: 'unsupported_media_type',
    detail: 'Send application/json.',
  },
  422: {
    title: 'Unprocessable Content',
    description: 'It is well-formed, and not possible.',
    code: 'unprocessable',
    detail: 'It is well-formed, and not possible.',
  },
  428: {
    title: 'Precondition Required',
    description: 'If-Match is missing: send the ETag of what you read.',
    code: 'if_match_required',
    detail: 'Send If-Match with the ETag of what you read.',
  },
  429: {
    title: 'Too Many Requests',
    description: 'Too many requests; see Retry-After.',
    code: 'too_many_requests',
    detail: 'Try again later.',
  },
  500: {
    title: 'Internal Server Error',
    description: 'Towercast failed. The same request, with its Idempotency-Key, may be sent again.',
    code: 'internal',
    detail: 'Something went wrong.',
  },
  503: {
    title: 'Service Unavailable',
    description: 'Try again in a moment.',
    code: 'unavailable',
    detail: 'Try again in a moment.',
  },
};

/** The name of a status's response among the components: `Problem404`. */
const responseName = (status: number): string => `Problem${status}`;

/** What API Gateway refuses by itself, in its own form: the function is not asked. */
const gatewayMessages: Readonly<Record<number, string>> = {
  401: 'Unauthorized',
  403: 'Forbidden',
  413: 'Request Entity Too Large',
};
const GatewayMessageSchema = z.object({ message: z.string().describe('For people; may change') }).meta({
  id: 'GatewayMessage',
  description: 'What API Gateway answers when it refuses a token, or a body beyond its limit, itself.',
});

const problemResponse = (
  status: number,
  { description, ...sample }: ProblemKind,
): ZodOpenApiResponseObject => {
  const message = gatewayMessages[status];
  return {
    description,
    content: {
      'application/problem+json': {
        schema: ProblemSchema,
        example: { type: 'about:blank', status, ...sample },
      },
      ...(message !== undefined && {
        'application/json': { schema: GatewayMessageSchema, example: { message } },
      }),
    },
  };
};

/** As `components.responses`. */
export const problemResponses: Readonly<Record<string, ZodOpenApiResponseObject>> = Object.fromEntries(
  Object.entries(kinds).map(([status, kind]) => [
    responseName(Number(status)),
    problemResponse(Number(status), kind),
  ]),
);

/** As an operation's `responses`: references. Throws RangeError for a status that has no description here. */
export const problemReferences = (statuses: Iterable<number>): Record<string, { $ref: string }> =>
  responsesOf(statuses, (status) => ({ $ref: `#/components/responses/${responseName(status)}` }));

/** Likewise for an operation that answers people: with pages of `contentType`. */
export const problemPages = (
  statuses: Iterable<number>,
  contentType: string,
): Record<string, ZodOpenApiResponseObject> =>
  responsesOf(statuses, (_, { description }) => ({
    description,
    content: { [contentType]: { schema: z.string() } },
  }));

function responsesOf<R>(
  statuses: Iterable<number>,
  respond: (status: number, kind: ProblemKind) => R,
): Record<string, R> {
  const sorted = [...new Set(statuses)].sort((a, b) => a - b);
  return Object.fromEntries(
    sorted.map((status) => {
      const kind = kinds[status];
      if (kind === undefined) throw new RangeError(`problems.ts does not describe status ${status}`);
      return [String(status), respond(status, kind)];
    }),
  );
}
