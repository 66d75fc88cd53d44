import { constants } from 'node:crypto';
import { DEFAULT_CIPHERS, type TLSSocket } from 'node:tls';
import { protocolError } from './failure-reason.ts';

/** What a peer may make us compute, whoever it is: its certificate is checked when the handshake is over. */
export const tlsOptions = {
  // The server picks the group, up to 10,000 bits, which keep a core busy for a second. Who speaks TLS 1.2 knows ECDHE.
  ciphers: `${DEFAULT_CIPHERS}:!kDHE`,
  // Node limits how often a client may ask for it, and not how often a server may.
  secureOptions: constants.SSL_OP_NO_RENEGOTIATION,
  // A resumed session shows no certificate, and one that has expired meanwhile goes on. It would save a fifth of a
  // new connection's CPU, and a kept connection has no use for it.
  maxCachedSessions: 0,
} as const;

/**
 * Of new keys and session tickets, on one connection. A handshake of TLS 1.3 makes five keys, and servers give two tickets or so;
 * TLS lets a peer send both without end, and nobody reads them who counts bytes.
 */
export const maxTlsMessages = 64;

/** For a new connection, once: the count goes on while it is kept. */
export function limitTlsMessages(socket: TLSSocket, most: number): void {
  let messages = 0;
  const count = () => {
    messages += 1;
    if (messages > most) socket.destroy(protocolError('more keys and tickets than any connection needs'));
  };
  // A line for each key: also for those that the peer has changed meanwhile.
  socket.on('keylog', count);
  socket.on('session', count);
}
