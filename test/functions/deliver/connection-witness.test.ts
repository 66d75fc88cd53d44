import http from 'node:http';
import { connect, type Socket } from 'node:net';
import { expect, it } from 'vitest';
import { nothingWitnessed, watchConnection } from '../../../functions/deliver/connection-witness.ts';
import { failureReason } from '../../../functions/deliver/failure-reason.ts';
import { createAddressGuard } from '../../../functions/shared/address-guard.ts';
import { serve } from './listening.ts';

/** A connection that tells this address of its other side, as one that was reset tells none. */
async function witnessed(remoteAddress: string | undefined) {
  let requests = 0;
  const { port } = await serve((_, response) => {
    requests += 1;
    response.end();
  });
  const createConnection = (): Socket =>
    Object.defineProperty(connect(port, '127.0.0.1'), 'remoteAddress', { value: remoteAddress });
  const outgoing = http.request({ port, method: 'POST', createConnection });
  const seen = nothingWitnessed();
  const guard = createAddressGuard({ allowLoopbackHttp: true, allowedPorts: [] });
  watchConnection(outgoing, { guard, protocol: 'http:', elapsedMs: () => 1 }, seen);
  const failed = new Promise<Error>((resolve) => outgoing.once('error', resolve));
  outgoing.end('{}');
  const error = await failed;
  return { reason: failureReason(error), peerAddress: seen.peerAddress, requests };
}

it('a connection that was reset as soon as it was made is not taken for one to a forbidden address', async () => {
  expect(await witnessed(undefined)).toEqual({ reason: 'connection_reset', peerAddress: null, requests: 0 });
});

it('a connection to a forbidden address is blocked', async () => {
  expect(await witnessed('10.0.0.1')).toEqual({
    reason: 'blocked_address',
    peerAddress: '10.0.0.1',
    requests: 0,
  });
});
