import { isIPv4 } from 'node:net';
import { blockedAddressCode } from './guarded-lookup.ts';

/** Why no complete response came: stable codes, kept in attempts and logs. docs/runbook.md explains each. */
export const failureReasons = [
  'blocked_address',
  'blocked_port',
  'insecure_url',
  'invalid_request',
  'dns_not_found',
  'dns_failed',
  'connection_refused',
  'connection_reset',
  'unreachable',
  'timeout',
  'tls_untrusted',
  'tls_expired',
  'tls_hostname_mismatch',
  'tls_failed',
  'protocol_error',
  /** A 2xx to a request of which not all had been sent. */
  'answered_early',
  'network_error',
] as const;
export type FailureReason = (typeof failureReasons)[number];

const byCode: Record<string, FailureReason> = {
  [blockedAddressCode]: 'blocked_address',
  ENOTFOUND: 'dns_not_found',
  ENODATA: 'dns_not_found',
  ECONNREFUSED: 'connection_refused',
  ECONNRESET: 'connection_reset',
  ECONNABORTED: 'connection_reset',
  ERR_STREAM_PREMATURE_CLOSE: 'connection_reset',
  EPIPE: 'connection_reset',
  EHOSTUNREACH: 'unreachable',
  ENETUNREACH: 'unreachable',
  EADDRNOTAVAIL: 'unreachable',
  ETIMEDOUT: 'timeout',
  CERT_HAS_EXPIRED: 'tls_expired',
  CERT_NOT_YET_VALID: 'tls_expired',
  ERR_TLS_CERT_ALTNAME_INVALID: 'tls_hostname_mismatch',
  EPROTO: 'tls_failed',
  ERR_INVALID_CHAR: 'invalid_request',
  ERR_UNESCAPED_CHARACTERS: 'invalid_request',
  ERR_INVALID_URL: 'invalid_request',
};

/** X509_V_ERR_* names as Node reports them: https://nodejs.org/api/tls.html#x509-certificate-error-codes */
const untrusted =
  /^(DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_|CERT_|CRL_|ERROR_IN_|INVALID_|PATH_LENGTH|HOSTNAME_|UNSPECIFIED$)/;

/** For a connection that is gone without an error of its own. */
export const connectionClosed = (): Error =>
  Object.assign(new Error('connection closed'), { code: 'ECONNRESET' });

/** For what breaks the rules of HTTP or TLS, or goes on without end. */
export const protocolError = (message: string): Error =>
  Object.assign(new Error(message), { code: 'HPE_USER' });

/** Sorts an error of Node's DNS, socket, TLS or HTTP layer. */
export function failureReason(failure: unknown): FailureReason {
  const error = failure instanceof AggregateError ? tellingOf(failure) : failure;
  const code = errorField(error, 'code');
  // A name server's refusal or silence is no partner's.
  const asksNames = /^(getaddrinfo|query)/.test(errorField(error, 'syscall'));
  if (asksNames && byCode[code] !== 'dns_not_found') return 'dns_failed';
  const known = byCode[code];
  if (known !== undefined) return known;
  if (code.startsWith('HPE_')) return 'protocol_error';
  if (code.startsWith('ERR_SSL_') || code.startsWith('ERR_TLS_')) return 'tls_failed';
  return untrusted.test(code) ? 'tls_untrusted' : 'network_error';
}

/** Of those at a host's addresses: many a function has no way to an IPv6 one, which says nothing about the partner. */
function tellingOf(failures: AggregateError): unknown {
  const errors: unknown[] = failures.errors;
  return errors.findLast((error) => isIPv4(errorField(error, 'address'))) ?? failures;
}

function errorField(error: unknown, name: 'code' | 'syscall' | 'address'): string {
  if (!(error instanceof Error)) return '';
  const value: unknown = Reflect.get(error, name);
  return typeof value === 'string' ? value : '';
}
