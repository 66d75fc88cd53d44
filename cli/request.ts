import { randomUUID } from 'node:crypto';
import * as z from 'zod';
import type { Call } from './arguments.ts';
import { FailedError } from './cli-error.ts';
import type { Command } from './commands.ts';
import { kebabCase } from './names.ts';
import { plain } from './output.ts';
import type { Target } from './target.ts';
import type { World } from './world.ts';

export interface Answer {
  status: number;
  etag: string | null;
  /** Parsed JSON; null when there was no body. */
  body: unknown;
}

const ProblemSchema = z.looseObject({
  title: z.string().optional(),
  status: z.int().optional(),
  code: z.string().optional(),
  detail: z.string().optional(),
  /** API Gateway's own refusals, of a token for instance, have nothing else. */
  message: z.string().optional(),
  errors: z.array(z.object({ pointer: z.string(), detail: z.string() })).default([]),
});

/** A refusal of the API, with what it said. */
export class ProblemError extends FailedError {
  readonly problem: z.infer<typeof ProblemSchema>;

  /** `reason` is what the headers say: it stands behind a `message` that says no more than the status. */
  constructor(status: number, problem: z.infer<typeof ProblemSchema>, reason: string | null = null) {
    const { code, title, message, errors } = problem;
    const detail =
      problem.detail ?? (message === undefined || reason === null ? message : `${message} (${reason})`);
    const head = [String(status), code ?? title].filter((part) => part !== undefined).join(' ');
    const lines = errors.map((error) => `  ${placeOf(error.pointer)}: ${error.detail}`);
    super([detail === undefined ? head : `${head}: ${detail}`, ...lines].map(plain).join('\n'));
    this.problem = problem;
  }
}

/** RFC 6750, section 3: why a token was refused. */
function challengeReason(headers: Headers): string | null {
  return /\berror_description="([^"]+)"/.exec(headers.get('www-authenticate') ?? '')?.[1] ?? null;
}

/** With the flag that sets it: `/query/partnerId (--partner-id)`. */
function placeOf(pointer: string): string {
  const field = /^\/(?:body|query)\/([^/]+)/.exec(pointer)?.[1];
  return field === undefined ? pointer : `${pointer} (--${kebabCase(field)})`;
}

/** API Gateway itself gives up after 30 seconds. */
const timeoutMs = 60_000;

/** Sends one request. Throws ProblemError for a refusal, FailedError when no answer came. */
export async function send(
  { fetch }: Pick<World, 'fetch'>,
  { api, token }: Target,
  method: string,
  { path, query, headers, body }: Call,
): Promise<Answer> {
  const search = query.size === 0 ? '' : `?${query.toString()}`;
  const response = await fetch(`${api}${path}${search}`, {
    method,
    // A redirect would carry the token somewhere else.
    redirect: 'error',
    signal: AbortSignal.timeout(timeoutMs),
    headers: {
      accept: 'application/json',
      authorization: `Bearer ${await token()}`,
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  }).catch((error: unknown) => {
    if (error instanceof FailedError) throw error;
    throw new FailedError(`can't reach ${api}: is the stack running?`, { cause: error });
  });
  const answer = parseBody(await response.text());
  if (!response.ok)
    throw new ProblemError(
      response.status,
      ProblemSchema.safeParse(answer).data ?? { errors: [] },
      challengeReason(response.headers),
    );
  return { status: response.status, etag: response.headers.get('etag'), body: answer };
}

/** Adds what nobody wants to type: a fresh Idempotency-Key, and the ETag of what is there now. */
export async function complete(world: World, target: Target, command: Command, call: Call): Promise<Call> {
  const { operation } = command;
  const takes = (header: string) =>
    operation.parameters.some(({ in: place, name }) => place === 'header' && name === header);
  const headers = { ...call.headers };
  if (takes('Idempotency-Key')) headers['idempotency-key'] ??= randomUUID();
  if (takes('If-Match') && headers['if-match'] === undefined) {
    const read = { path: call.path, query: call.query, headers: {}, body: undefined };
    const { etag } = await send(world, target, 'GET', read);
    if (etag !== null) headers['if-match'] = etag;
  }
  return { ...call, headers };
}

function parseBody(text: string): unknown {
  if (text === '') return null;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
