import type { Logger } from '@aws-lambda-powertools/logger';
import type { IdempotencyStore } from '../shared/idempotency-store.ts';
import { assertWellFormed } from './exact-json.ts';
import { fittingPage } from './fitting-page.ts';
import { identify } from './identify.ts';
import { readIdempotencyKey, runOnce } from './idempotency.ts';
import type { Operation, UnparsedInput } from './operation.ts';
import { parseIfMatch } from './preconditions.ts';
import { Problem } from './problem.ts';
import { readBody } from './request-body.ts';
import { parseRequest, type ApiRequest } from './request.ts';
import { isPage, toProblemPage, toProblemResponse, toResponse, type ApiResponse } from './response.ts';
import { routeKeyOf, Router, unmatched } from './router.ts';
import type { Services } from './services.ts';

export interface ApiDeps {
  operations: readonly Operation[];
  services: Services;
  idempotency: IdempotencyStore;
  logger: Pick<Logger, 'info' | 'error'>;
}

/** What a request came to, for its line in the log. Bodies and tokens are never in it. */
interface Trace {
  operationId: string;
  partnerId?: string;
  clientId?: string;
}

/** Answers requests of the HTTP API (payload 2.0). Rejects for what no HTTP API sends, and never otherwise. */
export function createHandler(deps: ApiDeps) {
  const router = new Router(deps.operations);
  return async (event: unknown): Promise<ApiResponse> => {
    const startedAt = performance.now();
    const request = parseRequest(event);
    const trace: Trace = { operationId: 'none' };
    const respond = request.method === 'HEAD' ? answerHead : answer;
    const { response, code } = await respond(deps, router, request, trace);
    deps.logger.info('request', {
      ...trace,
      // The caller's, and the access log's. The logger's own is Lambda's.
      gatewayRequestId: request.requestId,
      method: request.method,
      route: request.routeKey,
      status: response.statusCode,
      ...(code !== undefined && { code }),
      durationMs: Math.round(performance.now() - startedAt),
    });
    return response;
  };
}

async function answer(
  deps: ApiDeps,
  router: Router,
  request: ApiRequest,
  trace: Trace,
): Promise<{ response: ApiResponse; code?: string }> {
  try {
    return { response: await carryOut(deps, router, request, trace) };
  } catch (error) {
    const problem = error instanceof Problem ? error : unexpected(deps, request, error);
    const operation = router.get(request.routeKey);
    const toProblem = operation !== undefined && isPage(operation) ? toProblemPage : toProblemResponse;
    return { response: toProblem(problem), code: problem.code };
  }
}

/** A HEAD of a public page is its GET without the body: link checkers ask so. */
async function answerHead(
  deps: ApiDeps,
  router: Router,
  request: ApiRequest,
  trace: Trace,
): Promise<{ response: ApiResponse; code?: string }> {
  const shown = router.get(request.routeKey) === undefined ? router.publicGetAt(request.path) : undefined;
  if (shown === undefined) return answer(deps, router, request, trace);
  const { operation, params } = shown;
  const asGet: ApiRequest = { ...request, routeKey: routeKeyOf(operation), method: 'GET', params };
  const { response, ...rest } = await answer(deps, router, asGet, trace);
  return { response: { ...response, body: '' }, ...rest };
}

async function carryOut(
  deps: ApiDeps,
  router: Router,
  request: ApiRequest,
  trace: Trace,
): Promise<ApiResponse> {
  const operation = router.get(request.routeKey);
  if (operation === undefined) return answerUnmatched(router, request);
  trace.operationId = operation.operationId;
  const { caller, clientId } = await identify(deps.services.entities, operation.access, request.claims);
  trace.clientId = clientId;
  if (caller.kind === 'partner') trace.partnerId = caller.partnerId;

  const { params, query, headers } = request;
  const ifMatch = parseIfMatch(headers['if-match']);
  if ((operation.requiresIfMatch ?? operation.method === 'PATCH') && headers['if-match'] === undefined)
    throw new Problem(428, 'if_match_required', 'Send If-Match with the ETag of what you read.');
  assertWellFormed('path', params);
  assertWellFormed('query', query);
  const body = readBody(request, operation);
  const input = { params, query, body, caller, ifMatch, headers };
  if (operation.method === 'GET') return answerRead(deps, operation, input);
  const work = operation.prepare(input);
  const key = operation.creates === true ? readIdempotencyKey(headers) : null;
  if (key === null) return toResponse(operation, await work(deps.services));
  const { idempotency: store, services } = deps;
  return runOnce({ store, services }, { key, clientId, request, operation }, work);
}

const answerRead = async (
  { services }: ApiDeps,
  operation: Operation,
  input: UnparsedInput,
): Promise<ApiResponse> =>
  fittingPage(
    {
      read: async (query) => operation.prepare({ ...input, query })(services),
      toResponse: (reply) => toResponse(operation, reply),
    },
    input.query,
  );

function answerUnmatched(router: Router, { method, path }: ApiRequest): ApiResponse {
  const methods = router.methodsAt(path);
  if (method !== 'OPTIONS' || methods.length === 0) throw unmatched(router, method, path);
  return { statusCode: 204, headers: { allow: methods.join(', ') }, body: '' };
}

/** What went wrong is for us; the caller gets a number to ask about. */
function unexpected({ logger }: ApiDeps, { routeKey, requestId }: ApiRequest, error: unknown): Problem {
  logger.error('request failed', { gatewayRequestId: requestId, route: routeKey, cause: error });
  return new Problem(500, 'internal_error', `Something went wrong here. Request ${requestId}.`);
}
