import { describe, expect, it } from 'vitest';
import { classify, parseRetryAfter } from '../../../functions/deliver/classify.ts';
import type { PostResult } from '../../../functions/deliver/http-client.ts';
import { nextDelayMs } from '../../../functions/shared/retry-schedule.ts';

const nowMs = Date.parse('2026-03-20T09:15:00.500Z');
const measured = {
  durationMs: 5,
  peerAddress: '203.0.113.7',
  connection: null,
  times: { dns: null, connect: null, tls: null, firstByte: null },
  responseBody: new Uint8Array(),
  responseTruncated: false,
};
const response = (status: number, retryAfter: string | null = null): PostResult => ({
  kind: 'response',
  status,
  retryAfter,
  ...measured,
});

describe('classify', () => {
  it.each([200, 201, 202, 204, 299])('takes %i as acknowledged', (status) => {
    expect(classify(response(status), nowMs)).toEqual({ kind: 'delivered' });
  });

  it.each([
    [300, 'redirect'],
    [301, 'redirect'],
    [302, 'redirect'],
    [304, 'redirect'],
    [308, 'redirect'],
    [400, 'http_400'],
    [401, 'http_401'],
    [404, 'http_404'],
    [408, 'http_408'],
    [425, 'http_425'],
    [429, 'http_429'],
    [500, 'http_500'],
    [503, 'http_503'],
    [999, 'http_999'],
  ])('retries after %i because of %s', (status, reason) => {
    expect(classify(response(status), nowMs)).toEqual({ kind: 'retry', reason, retryAfterMs: null });
  });

  it('takes 410 as an end', () => {
    expect(classify(response(410), nowMs)).toEqual({ kind: 'gone', reason: 'http_410' });
  });

  it('retries whatever ended without a whole response, also after a status of success', () => {
    expect(
      classify({ kind: 'error', reason: 'timeout', status: 200, retryAfter: '7', ...measured }, nowMs),
    ).toEqual({
      kind: 'retry',
      reason: 'timeout',
      retryAfterMs: null,
    });
  });

  it.each([
    [410, { kind: 'gone', reason: 'http_410' }],
    [429, { kind: 'retry', reason: 'http_429', retryAfterMs: 7_000 }],
    [503, { kind: 'retry', reason: 'http_503', retryAfterMs: 7_000 }],
    [500, { kind: 'retry', reason: 'connection_reset', retryAfterMs: null }],
    [302, { kind: 'retry', reason: 'connection_reset', retryAfterMs: null }],
  ])('heeds what %i asks for, also when its body broke off', (status, verdict) => {
    const broken = {
      kind: 'error',
      reason: 'connection_reset',
      status,
      retryAfter: '7',
      ...measured,
    } as const;
    expect(classify(broken, nowMs)).toEqual(verdict);
  });

  it.each([429, 503])('heeds Retry-After with %i', (status) => {
    expect(classify(response(status, '7'), nowMs)).toMatchObject({ retryAfterMs: 7_000 });
  });

  it('heeds Retry-After with no other status', () => {
    expect(classify(response(500, '7'), nowMs)).toMatchObject({ retryAfterMs: null });
  });
});

describe('parseRetryAfter', () => {
  it('reads seconds', () => {
    expect(parseRetryAfter(' 120 ', nowMs)).toBe(120_000);
    expect(parseRetryAfter('0', nowMs)).toBe(0);
  });

  it.each([
    ['Fri, 20 Mar 2026 09:16:00 GMT', 60_000],
    ['Friday, 20-Mar-26 09:16:00 GMT', 60_000],
    ['Fri Mar 20 09:16:00 2026', 60_000],
    ['Wed Apr  1 09:15:00 2026', 12 * 86_400_000],
    // Seconds that are never too short: it is half past the second now.
    ['Fri, 20 Mar 2026 09:15:01 GMT', 1_000],
  ])('reads the HTTP date %s as whole seconds', (header, ms) => {
    expect(parseRetryAfter(header, nowMs)).toBe(ms);
  });

  it.each(['31622400', '99999999999', '9'.repeat(400), 'Fri, 31 Dec 9999 23:59:59 GMT'])(
    'takes %s for a year, which no schedule waits',
    (header) => {
      expect(parseRetryAfter(header, nowMs)).toBe(366 * 86_400_000);
      const retryAfterMs = parseRetryAfter(header, nowMs);
      const scheduleSeconds = [0, 5, 7_200];
      expect(nextDelayMs({ scheduleSeconds, attemptsMade: 1, retryAfterMs, random: () => 0.5 })).toBe(
        7_200_000,
      );
    },
  );

  it.each([
    '',
    ' ',
    'soon',
    'never',
    '-5',
    '-0',
    '+5',
    '1.5',
    '1,5',
    '5s',
    '5 seconds',
    '1e3',
    '0x10',
    '٣',
    'Infinity',
    'NaN',
    'null',
    '120, 240',
    '2027-01-01',
    '2027-01-01T00:00:00Z',
    'Fri, 99 Mar 2026 09:16:00 GMT',
    'Fri, 20 Mrz 2026 09:16:00 GMT',
    'Fri, 20 Mar 2026 09:16:00 +0100',
    'Fri, 20 Mar 2026 09:16:00',
    'fri, 20 mar 2026 09:16:00 gmt',
    'Fri, 20 Mar 2026 99:16:00 GMT',
    '1774000000000000 GMT',
  ])('ignores %j', (header) => {
    expect(parseRetryAfter(header, nowMs)).toBeNull();
  });

  it.each([
    'Fri, 20 Mar 2026 09:14:59 GMT',
    'Thu, 01 Jan 1970 00:00:00 GMT',
    'Friday, 20-Mar-20 09:16:00 GMT',
    'Sunday, 06-Nov-94 08:49:37 GMT',
    'Fri Mar 20 09:14:00 2026',
  ])('ignores %s, which is past', (header) => {
    expect(parseRetryAfter(header, nowMs)).toBeNull();
  });

  it('ignores nothing', () => {
    expect(parseRetryAfter(null, nowMs)).toBeNull();
  });
});
