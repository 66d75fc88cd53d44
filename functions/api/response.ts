import type { Operation, Reply } from './operation.ts';
import { pageHeaders } from './page/headers.ts';
import { renderPageProblem } from './page/locker-page.ts';
import { formatEtag } from './preconditions.ts';
import type { Problem } from './problem.ts';

/** What the function gives API Gateway, which needs no other encoding for text. */
export interface ApiResponse {
  statusCode: number;
  headers: Record<string, string>;
  body: string;
}

/** Answers are about now, and some are secret. */
const always = { 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' };

/** Throws a ZodError for a reply that is not as the operation documents it. */
export function toResponse(operation: Pick<Operation, 'response'>, reply: Reply<unknown>): ApiResponse {
  const { status, schema, contentType = 'application/json' } = operation.response;
  const type = reply.headers?.['content-type'] ?? contentType;
  return {
    statusCode: reply.status ?? status,
    headers: {
      ...always,
      ...(schema !== null && { 'content-type': type }),
      ...(reply.version !== undefined && { etag: formatEtag(reply.version) }),
      ...reply.headers,
    },
    // Parsing leaves out what the schema doesn't name.
    body: schema === null ? '' : bodyText(schema.parse(reply.body), type),
  };
}

const bodyText = (body: unknown, contentType: string): string =>
  typeof body === 'string' && !contentType.includes('json') ? body : JSON.stringify(body);

/** Whether an operation's answers are pages, for people. */
export const isPage = ({ response }: Pick<Operation, 'response'>): boolean =>
  response.contentType?.startsWith('text/html') === true;

/** A problem of an operation whose answers are pages. */
export const toProblemPage = ({ status, detail, headers }: Problem): ApiResponse => ({
  statusCode: status,
  headers: { ...pageHeaders, ...headers },
  body: renderPageProblem(detail),
});

export const toProblemResponse = (problem: Problem): ApiResponse => ({
  statusCode: problem.status,
  headers: { ...always, 'content-type': 'application/problem+json', ...problem.headers },
  body: JSON.stringify(problem),
});
