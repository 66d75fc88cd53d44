import type { PostResult } from './http-client.ts';

/** What an attempt came to. `reason` is a stable code. */
export type Verdict =
  | { kind: 'delivered' }
  | { kind: 'gone'; reason: string }
  /** `retryAfterMs`: how long the partner asked us to stay away; null when it did not. */
  | { kind: 'retry'; reason: string; retryAfterMs: number | null };

export const isSuccess = (status: number): boolean => status >= 200 && status < 300;

/** These ask for something by their head alone. */
const gone = 410;
const laterPlease: ReadonlySet<number> = new Set([429, 503]);

/**
 * Only a 2xx acknowledges. A redirect is a failure (a login page is not a receiver), 410 means never again; all else
 * is worth another try, 4xx too, since partners deploy mistakes. Whatever becomes of its body, an answer that asks for
 * something is heeded: servers that have too much to do break off there.
 *
 * @param nowMs epoch milliseconds, for a Retry-After that is a date
 */
export function classify(result: PostResult, nowMs: number): Verdict {
  const { status } = result;
  if (result.kind === 'response') return verdictOn(result.status, result, nowMs);
  if (status === gone || (status !== null && laterPlease.has(status)))
    return verdictOn(status, result, nowMs);
  return { kind: 'retry', reason: result.reason, retryAfterMs: null };
}

function verdictOn(status: number, { retryAfter }: Pick<PostResult, 'retryAfter'>, nowMs: number): Verdict {
  if (isSuccess(status)) return { kind: 'delivered' };
  if (status === gone) return { kind: 'gone', reason: 'http_410' };
  return {
    kind: 'retry',
    reason: status >= 300 && status < 400 ? 'redirect' : `http_${status}`,
    retryAfterMs: laterPlease.has(status) ? parseRetryAfter(retryAfter, nowMs) : null,
  };
}

/**
 * The three forms of a date that recipients must read, though senders may generate the first only (RFC 9110, 5.6.7).
 * Date.parse alone would read nearly anything, and the third as of our own time zone.
 */
const fixdate = /^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), (\d\d) ([A-Z][a-z]{2}) (\d{4}) (\d\d:\d\d:\d\d) GMT$/;
const rfc850 =
  /^(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day, (\d\d)-([A-Z][a-z]{2})-(\d\d) (\d\d:\d\d:\d\d) GMT$/;
const asctime = /^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) ([A-Z][a-z]{2}) ([ \d]\d) (\d\d:\d\d:\d\d) (\d{4})$/;

/** Epoch milliseconds; NaN for what is no HTTP date. */
function parseHttpDate(text: string): number {
  const written = text
    .replace(fixdate, '$1 $2 $3 $4 GMT')
    .replace(
      rfc850,
      (_, day, month, year, time) => `${day} ${month} ${year < '70' ? 20 : 19}${year} ${time} GMT`,
    )
    .replace(asctime, '$2 $1 $4 $3 GMT');
  return written === text ? Number.NaN : Date.parse(written);
}

/** No schedule has a step that long, and a longer wait could end beyond what a Date can say. */
const maxRetryAfterSeconds = 366 * 86_400;

/**
 * Seconds or an HTTP date (RFC 9110, 10.2.3) as whole seconds from now, in milliseconds, a year at most; null for
 * anything else and for the past.
 */
export function parseRetryAfter(header: string | null, nowMs: number): number | null {
  if (header === null) return null;
  const text = header.trim();
  const seconds = /^\d+$/.test(text) ? Number(text) : Math.ceil((parseHttpDate(text) - nowMs) / 1_000);
  return seconds >= 0 ? Math.min(seconds, maxRetryAfterSeconds) * 1_000 : null;
}
