import { describe, expect, it } from 'vitest';
import { classify, parseRetryAfter } from '../../../functions/deliver/classify.ts';
import type { PostResult } from '../../../functions/deliver/http-client.ts';

const nowMs = Date.parse('2026-03-20T09:15:00.500Z');
const measured = { durationMs: 5, peerAddress: '203.0.113.7', responseBody: new Uint8Array() };
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
    expect(classify({ kind: 'error', reason: 'timeout', status: 200, ...measured }, nowMs)).toEqual({
      kind: 'retry',
      reason: 'timeout',
      retryAfterMs: null,
    });
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

  it('reads an HTTP date as whole seconds that are never too short', () => {
    expect(parseRetryAfter('Fri, 20 Mar 2026 09:16:00 GMT', nowMs)).toBe(60_000);
  });

  it.each([
    '',
    'soon',
    '-5',
    '1.5',
    '1e3',
    '0x10',
    '2027-01-01',
    'Fri, 99 Mar 2026 09:16:00 GMT',
    'Infinity',
  ])('ignores %j', (header) => {
    expect(parseRetryAfter(header, nowMs)).toBeNull();
  });

  it('ignores the past and nothing', () => {
    expect(parseRetryAfter('Fri, 20 Mar 2026 09:14:00 GMT', nowMs)).toBeNull();
    expect(parseRetryAfter(null, nowMs)).toBeNull();
  });
});
