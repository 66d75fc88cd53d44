import * as z from 'zod';
import { Problem } from './problem.ts';
import { validationProblem } from './validation-problem.ts';
import type { Services } from './services.ts';

/** Who may call. `any` is operators and partners, a partner seeing only its own; `public` needs no token. */
export type Access = 'operator' | 'partner' | 'any' | 'public';

export type Caller = { kind: 'operator' } | { kind: 'partner'; partnerId: string } | { kind: 'public' };

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

export interface OperationInput<P, Q, B> {
  params: P;
  query: Q;
  /** Null for an operation that takes none. */
  body: B;
  caller: Caller;
  /** The version that If-Match names; null when it was not sent. Compare with `assertVersion`. */
  ifMatch: number | null;
  /** Names in lower case. */
  headers: Readonly<Record<string, string>>;
}

export interface Reply<R> {
  /** A string goes out as it is when `headers` name its content-type, everything else as JSON. */
  body: R;
  /** Becomes the ETag. */
  version?: number;
  headers?: Readonly<Record<string, string>>;
  /** Default: the operation's. */
  status?: number;
}

export interface ResponseSpec<R> {
  status: 200 | 201 | 202 | 204 | 303;
  /** What goes out is parsed with it: fields it doesn't name never leave. Null: no body. */
  schema: z.ZodType<R> | null;
  description: string;
  /** Default: application/json. */
  contentType?: string;
}

/** What the documents, the template and the tests know of an operation. */
export interface OperationDescription {
  /** camelCase and unique: `createReservation`. */
  operationId: string;
  method: Method;
  /** With parameters in braces: `/v1/reservations/{reservationId}`. */
  path: string;
  tag: string;
  summary: string;
  description?: string;
  access: Access;
  /** True for a POST that creates: it honours Idempotency-Key. */
  creates?: true;
  /** How the body is read. `form` is `application/x-www-form-urlencoded`, each value a string. Default: json. */
  bodyType?: 'json' | 'form';
  /** For an operation without a body: `{}` counts as none. Some clients send it with every POST. */
  toleratesEmptyObject?: true;
  /** True for one that never succeeds: only its problems are documented. */
  alwaysRefuses?: true;
  /** Largest body, in bytes. Default: 64 KB. */
  maxBodyBytes?: number;
  /** Whether If-Match must be sent. Default: on PATCH. */
  requiresIfMatch?: boolean;
  /** Statuses of its own problems, besides 400, 401, 403 and 404. */
  problems?: readonly number[];
  examples?: { body?: unknown; response?: unknown };
}

export interface OperationSpec<P, Q, B, R> extends OperationDescription {
  /** Parses `Record<string, string>`: numbers need `z.coerce`. */
  params: z.ZodType<P>;
  /** Likewise; a parameter that is repeated has its values joined with commas. */
  query: z.ZodType<Q>;
  /** z.strictObject, so that unknown fields are refused. Null: takes no body. */
  body: z.ZodType<B> | null;
  response: ResponseSpec<R>;
  handle: (services: Services, input: OperationInput<P, Q, B>) => Promise<Reply<R>>;
}

/** A request that was matched to its operation but not parsed. */
export interface UnparsedInput {
  params: Readonly<Record<string, string>>;
  query: Readonly<Record<string, string>>;
  /** As read from JSON or a form; undefined when there was none. */
  body: unknown;
  caller: Caller;
  ifMatch: number | null;
  headers: Readonly<Record<string, string>>;
}

/** An operation without its types: what the router, the documents, the template and the tests walk over. */
export interface Operation extends OperationDescription {
  params: z.ZodType;
  query: z.ZodType;
  body: z.ZodType | null;
  response: ResponseSpec<unknown>;
  /** Parses the input and returns the work that is left. Throws a Problem that names each wrong field. */
  prepare: (input: UnparsedInput) => (services: Services) => Promise<Reply<unknown>>;
}

/** For an operation without parameters in its path or query. */
export const nothing = z.strictObject({});

/** Ties an operation's handler to its schemas. `body: null` makes the handler's `body` null. */
export function defineOperation<P, Q, R>(spec: OperationSpec<P, Q, null, R> & { body: null }): Operation;
export function defineOperation<P, Q, B, R>(
  spec: OperationSpec<P, Q, B, R> & { body: z.ZodType<B> },
): Operation;
export function defineOperation<P, Q, B, R>(spec: OperationSpec<P, Q, B | null, R>): Operation {
  const { handle, ...description } = spec;
  return {
    ...description,
    prepare(unparsed) {
      const { caller, ifMatch, headers } = unparsed;
      const input = { ...parseInput(spec, unparsed), caller, ifMatch, headers };
      return (services) => handle(services, input);
    },
  };
}

/** All parts are looked at before anything is refused, so that one answer names every wrong field. */
function parseInput<P, Q, B>(
  spec: Pick<OperationSpec<P, Q, B, unknown>, 'params' | 'query' | 'body' | 'toleratesEmptyObject'>,
  { params, query, body }: UnparsedInput,
): { params: P; query: Q; body: B | null } {
  if (spec.body !== null && body === undefined)
    throw new Problem(400, 'body_missing', 'This request needs a body.');
  const isTolerated = spec.toleratesEmptyObject === true && nothing.safeParse(body).success;
  if (spec.body === null && body !== undefined && !isTolerated)
    throw new Problem(400, 'body_not_expected', 'This request takes no body.');
  const parsedParams = spec.params.safeParse(params);
  const parsedQuery = spec.query.safeParse(query);
  const parsedBody = spec.body === null ? { success: true as const, data: null } : spec.body.safeParse(body);
  if (parsedParams.success && parsedQuery.success && parsedBody.success)
    return { params: parsedParams.data, query: parsedQuery.data, body: parsedBody.data };
  throw validationProblem({
    path: parsedParams.error,
    query: parsedQuery.error,
    body: parsedBody.success ? undefined : parsedBody.error,
  });
}
