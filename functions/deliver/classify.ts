import type { PostResult } from './http-client.ts';

/** What an attempt came to. `reason` is a stable code. */
export type Verdict =
  | { kind: 'delivered' }
  | { kind: 'gone'; reason: string }
  /** `retryAfterMs`: how long the partner asked us to stay away; null when it did not. */
  | { kind: 'retry'; reason: string; retryAfterMs: number | null };

/**
 * Only a 2xx acknowledges. A redirect is a failure (a login page is not a receiver), 410 means never again; all else
 * is worth another try, 4xx too, since partners deploy mistakes.
 *
 * @param nowMs epoch milliseconds, for a Retry-After that is a date
 */
export function classify(result: PostResult, nowMs: number): Verdict {
  if (result.kind === 'error') return { kind: 'retry', reason: result.reason, retryAfterMs: null };
  const { status } = result;
  if (status >= 200 && status < 300) return { kind: 'delivered' };
  if (status === 410) return { kind: 'gone', reason: 'http_410' };
  const heeded = status === 429 || status === 503;
  return {
    kind: 'retry',
    reason: status >= 300 && status < 400 ? 'redirect' : `http_${status}`,
    retryAfterMs: heeded ? parseRetryAfter(result.retryAfter, nowMs) : null,
  };
}

/** The one form that senders may still generate. Date.parse alone would read nearly anything. */
const httpDate = /^(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT$/;

/**
 * Seconds or an HTTP date (RFC 9110, 10.2.3) as whole seconds from now, in milliseconds; null for anything else and
 * for the past.
 */
export function parseRetryAfter(header: string | null, nowMs: number): number | null {
  if (header === null) return null;
  const text = header.trim();
  if (/^\d+$/.test(text)) return Number(text) * 1_000;
  const at = httpDate.test(text) ? Date.parse(text) : Number.NaN;
  return at > nowMs ? Math.ceil((at - nowMs) / 1_000) * 1_000 : null;
}
