import { createHash } from 'node:crypto';
import { instantToMs } from '../../schemas/instant.ts';
import type { Claim, IdempotencyStore } from '../shared/idempotency-store.ts';
import type { Operation, Reply } from './operation.ts';
import { Problem } from './problem.ts';
import type { ApiRequest } from './request.ts';
import { toProblemResponse, toResponse, type ApiResponse } from './response.ts';
import { openAnswer, sealAnswer } from './sealed-answer.ts';
import type { Services } from './services.ts';

/** A POST that creates, with an Idempotency-Key. */
export interface OnceOnly {
  key: string;
  /** Keys of one caller mean nothing to another. */
  clientId: string;
  request: Pick<ApiRequest, 'method' | 'path' | 'query' | 'body'>;
  operation: Operation;
}

export type Work = (services: Services) => Promise<Reply<unknown>>;

/** The header, or null without one. Throws 400 for what is no key. */
export function readIdempotencyKey(headers: Readonly<Record<string, string>>): string | null {
  const key = headers['idempotency-key'];
  if (key === undefined) return null;
  if (/^[\x21-\x7e]{1,255}$/.test(key)) return key;
  throw new Problem(400, 'validation_failed', 'One field is not valid.', {
    errors: [
      {
        pointer: '/header/idempotency-key',
        detail: 'must be 1-255 printable ASCII characters without spaces',
      },
    ],
  });
}

/**
 * Does the work once: the same key and request get the same answer for a day, refusals included. Throws 409 when the key
 * came with another request, and while the first is still being worked on.
 */
export async function runOnce(
  { store, services }: { store: IdempotencyStore; services: Services },
  once: OnceOnly,
  work: Work,
): Promise<ApiResponse> {
  const { key, operation } = once;
  const claim: Claim = {
    id: hash(once.clientId, key),
    requestHash: hash(
      once.request.method,
      once.request.path,
      JSON.stringify(once.request.query),
      bodyOf(once),
    ),
    owner: services.newId(),
    nowMs: instantToMs(services.now()),
  };
  const earlier = await store.claim(claim);
  if (earlier.kind !== 'claimed') return repeat(earlier, key, claim.id);

  const seal = (response: ApiResponse) => sealAnswer(response, key, claim.id);
  const marked = markingServices(services, (reply) =>
    store.markOf(claim, reply === undefined ? null : seal(toResponse(operation, reply))),
  );
  try {
    const response = toResponse(operation, await work(marked));
    await store.finish(claim, seal(response));
    return response;
  } catch (error) {
    if (!(error instanceof Problem) || isPassing(error)) await store.release(claim);
    else await store.finish(claim, seal(toProblemResponse(error)));
    throw error;
  }
}

/** What another try might not meet again. */
const isPassing = ({ status, code }: Problem): boolean =>
  status >= 500 || status === 429 || code === 'conflict';

function repeat(
  earlier: Exclude<Awaited<ReturnType<IdempotencyStore['claim']>>, { kind: 'claimed' }>,
  key: string,
  id: string,
): ApiResponse {
  switch (earlier.kind) {
    case 'reused':
      throw new Problem(
        409,
        'idempotency_key_reused',
        'This Idempotency-Key came with another request before. Use a new key for each request.',
      );
    case 'in_flight':
      throw new Problem(409, 'request_in_flight', 'The same request is being worked on.', {
        headers: { 'retry-after': '1' },
      });
    case 'done':
      if (earlier.answer === null)
        throw new Problem(
          409,
          'answer_lost',
          'This request was carried out, but its answer was lost. List the resources to find what it made.',
        );
      const answer = openAnswer(earlier.answer, key, id);
      return { ...answer, headers: { ...answer.headers, 'idempotency-replayed': 'true' } };
  }
}

/** Every write of the work leaves the mark that it was done, in the same transaction. */
function markingServices(
  services: Services,
  markOf: (reply: Reply<unknown> | undefined) => ReturnType<IdempotencyStore['markOf']>,
): Services {
  const commit: Services['commit'] = ({ reply, ...unit }) =>
    services.commit({ ...unit, beside: markOf(reply) });
  const store = async (entity: Parameters<Services['entities']['replace']>[0]) =>
    (await commit({ changes: [entity], events: [] })).kind === 'committed';
  return {
    ...services,
    commit,
    deliveryRetry: {
      retry: async ({ reply, ...unit }) => services.deliveryRetry.retry({ ...unit, beside: markOf(reply) }),
    },
    entities: {
      ...services.entities,
      putNew: async (entity) => store({ ...entity, version: 0 }),
      replace: store,
    },
  };
}

/** As JSON without its spaces, so that a client may write the same value anew. */
function bodyOf({ request }: OnceOnly): string {
  const text = request.body.toString('utf8');
  try {
    return JSON.stringify(JSON.parse(text));
  } catch {
    return text;
  }
}

const hash = (...parts: readonly string[]): string =>
  createHash('sha256').update(JSON.stringify(parts)).digest('hex');
