import { hash } from 'node:crypto';
import type { ClientRequest } from 'node:http';
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import type { AttemptConnection, AttemptTimes } from '../../schemas/delivery.ts';
import type { AddressGuard, Protocol } from '../shared/address-guard.ts';
import { connectionClosed } from './failure-reason.ts';
import { BlockedAddressError } from './guarded-lookup.ts';

/** Whom a request reached, and when. */
export interface Witnessed {
  peerAddress: string | null;
  /** Null when no connection was made. */
  connection: AttemptConnection | null;
  times: AttemptTimes;
}

export const nothingWitnessed = (): Witnessed => ({
  peerAddress: null,
  connection: null,
  times: { dns: null, connect: null, tls: null, firstByte: null },
});

export interface WitnessOptions {
  guard: AddressGuard;
  protocol: Protocol;
  /** Since the start of the attempt. */
  elapsedMs: () => number;
}

/** Certificates don't change while a connection lasts: a kept one is asked once. */
const handshakes = new WeakMap<Socket, NonNullable<AttemptConnection['tls']>>();

/** Notes what a request's connection shows, and checks its peer again, whatever `lookup` and literals promised. */
export function watchConnection(
  outgoing: ClientRequest,
  { guard, protocol, elapsedMs }: WitnessOptions,
  seen: Witnessed,
): void {
  const peer = (socket: Socket) => {
    const { remoteAddress = null, remotePort } = socket;
    seen.peerAddress = remoteAddress;
    if (remotePort !== undefined)
      seen.connection = {
        port: remotePort,
        reused: outgoing.reusedSocket,
        tls: handshakes.get(socket) ?? null,
      };
    // The other side may have reset the connection as soon as it was made: nobody can tell then whose it was.
    if (remoteAddress === null) outgoing.destroy(connectionClosed());
    else if (!guard.permits(remoteAddress, protocol)) outgoing.destroy(new BlockedAddressError());
  };
  outgoing.once('socket', (socket) => {
    if (!socket.connecting) return peer(socket);
    socket.once('lookup', (error: Error | null) => {
      if (error === null) seen.times.dns = elapsedMs();
    });
    // Before Node's own listener: it says hello by TLS to whoever is there.
    socket.prependOnceListener('connect', () => {
      seen.times.connect = elapsedMs();
      peer(socket);
    });
    // "secureConnect" comes for certificates that are trusted only; those that are refused should be on record, too.
    if (socket instanceof TLSSocket)
      socket.prependOnceListener('secure', () => {
        seen.times.tls = elapsedMs();
        if (seen.connection !== null) seen.connection.tls = handshakeOf(socket);
      });
  });
}

function handshakeOf(socket: TLSSocket): NonNullable<AttemptConnection['tls']> {
  const certificate = certificateOf(socket);
  const handshake = {
    protocol: socket.getProtocol() ?? 'unknown',
    certificateSha256: certificate === null ? null : hash('sha256', certificate),
  };
  handshakes.set(socket, handshake);
  return handshake;
}

/** DER. Null when the peer showed none; a resumed session would not either. */
function certificateOf(socket: TLSSocket): Uint8Array | null {
  // Not getPeerX509Certificate: after it, Node (24.21) finds no names to compare in the certificate.
  const raw: unknown = socket.getPeerCertificate().raw;
  return raw instanceof Uint8Array ? raw : null;
}
