import { describe, expect, it } from 'vitest';
import { deliveryText } from '../../cli/delivery-text.ts';
import { meaningOf2xx } from '../../schemas/proof.ts';
import { startFakeApi, towercast } from './fake-api.ts';

const attempt = {
  number: 1,
  at: '2026-03-20T09:15:01.000Z',
  outcome: 'failed',
  status: 500,
  reason: 'http_500',
  durationMs: 52.3,
  host: 'partner.example:8443',
  peerAddress: '203.0.113.7',
  connection: { port: 443, reused: false, tls: { protocol: 'TLSv1.3', certificateSha256: 'c3' } },
  times: { dns: 1.5, connect: 13, tls: 27.1, firstByte: 52 },
  requestSha256: 'a1',
  responseSha256: 'b2',
  responseExcerpt: 'oops\u001b[2J\n"now"',
};
const delivery = { id: 'dlv_1', status: 'pending', reason: null, attempts: [attempt] };

const printed = (changes: object) => deliveryText({ attempts: [{ ...attempt, ...changes }] }, 80);

describe('deliveries show', () => {
  it('prints each attempt readably, and what a 2xx proves', async () => {
    const { url, requests } = await startFakeApi(() => ({ body: delivery }));
    const env = { TOWERCAST_TOKEN: 'planted-token-1234567890' };
    const { code, out } = await towercast(`deliveries show dlv_1 --api ${url}`, { env });
    expect({ code, asked: requests.map((request) => request.url) }).toEqual({
      code: 0,
      asked: ['/v1/deliveries/dlv_1'],
    });
    expect(out.split('\n')).toEqual([
      'ID      dlv_1',
      'STATUS  pending',
      'REASON  -',
      '',
      'ATTEMPT 1  2026-03-20T09:15:01.000Z  failed  http_500',
      '  host      partner.example:8443',
      '  peer      203.0.113.7:443, TLSv1.3, certificate sha256 c3, new connection',
      '  times     dns 1.5, connect 13, tls 27.1, first byte 52, end 52.3 (ms from the start)',
      '  request   sha256 a1',
      '  response  500, sha256 b2',
      '            "oops?[2J?\\"now\\""',
      '',
      ...meaningOf2xx.split(/(?<=\.) /),
    ]);
  });

  it('leaves out what did not happen', () => {
    const times = { dns: null, connect: null, tls: null, firstByte: 9 };
    const kept = printed({ connection: { ...attempt.connection, reused: true }, times });
    expect(kept).toContain('kept connection');
    expect(kept).toContain('times     first byte 9, end 52.3');
    const none = printed({ peerAddress: null, connection: null, status: null, responseSha256: null });
    expect(none).toContain('peer      none: no connection was made');
    expect(none).toContain('response  none');
    expect(
      printed({ connection: { port: 8443, reused: false, tls: null }, peerAddress: '2001:db8::7' }),
    ).toContain('peer      [2001:db8::7]:8443, no TLS, new connection');
  });

  it('says of a crashed attempt that nothing is known, and not that nothing happened', () => {
    const unknown = { status: null, peerAddress: null, connection: null, times: null, requestSha256: null };
    const text = printed({ ...unknown, outcome: 'crashed', reason: 'function_failed', responseSha256: null });
    expect(text).toContain('crashed  function_failed\n            unknown: the function failed before');
    expect(text).toContain('may have arrived');
    expect(text).not.toMatch(/no connection|response|times/);
  });

  it('tells a hash of all of the response from one of what was read', () => {
    expect(printed({ responseTruncated: true })).toContain('response  500, sha256 b2, of what was read');
  });

  it('reads records of before there was proof', () => {
    const text = printed({ host: undefined, connection: null, times: null });
    expect(text).toContain('peer      203.0.113.7\n  times     end 52.3');
    expect(text).not.toContain('host');
  });
});
