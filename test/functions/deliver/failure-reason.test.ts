import { describe, expect, it } from 'vitest';
import { failureReason } from '../../../functions/deliver/failure-reason.ts';

const errorWith = (fields: Record<string, string>): Error & { code?: string } =>
  Object.assign(new Error('boom'), fields);

/** As net.connect has it: with the first one's code. */
const together = (...errors: (Error & { code?: string })[]) =>
  Object.assign(new AggregateError(errors), { code: errors[0]?.code });

describe('failureReason', () => {
  it.each([
    ['ENOTFOUND', 'dns_not_found'],
    ['ECONNREFUSED', 'connection_refused'],
    ['ECONNRESET', 'connection_reset'],
    ['EPIPE', 'connection_reset'],
    ['EHOSTUNREACH', 'unreachable'],
    ['ETIMEDOUT', 'timeout'],
    ['DEPTH_ZERO_SELF_SIGNED_CERT', 'tls_untrusted'],
    ['SELF_SIGNED_CERT_IN_CHAIN', 'tls_untrusted'],
    ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'tls_untrusted'],
    ['CERT_REVOKED', 'tls_untrusted'],
    ['INVALID_PURPOSE', 'tls_untrusted'],
    ['UNSPECIFIED', 'tls_untrusted'],
    ['CERT_HAS_EXPIRED', 'tls_expired'],
    ['ERR_TLS_CERT_ALTNAME_INVALID', 'tls_hostname_mismatch'],
    ['ERR_SSL_WRONG_VERSION_NUMBER', 'tls_failed'],
    ['EPROTO', 'tls_failed'],
    ['HPE_INVALID_CONSTANT', 'protocol_error'],
    ['ERR_BLOCKED_ADDRESS', 'blocked_address'],
    ['EWHATEVER', 'network_error'],
  ])('names %s %s', (code, reason) => {
    expect(failureReason(errorWith({ code }))).toBe(reason);
  });

  it('names any other trouble of the resolver dns_failed', () => {
    expect(failureReason(errorWith({ code: 'EAI_AGAIN', syscall: 'getaddrinfo' }))).toBe('dns_failed');
  });

  it('names what is no error network_error', () => {
    expect(failureReason('boom')).toBe('network_error');
    expect(failureReason(new Error('boom'))).toBe('network_error');
  });

  it('names several addresses that failed after the last IPv4 one', () => {
    const unreachable = errorWith({ code: 'ENETUNREACH', address: '2606:4700::1111' });
    const refused = errorWith({ code: 'ECONNREFUSED', address: '8.8.4.4' });
    const first = errorWith({ code: 'ETIMEDOUT', address: '8.8.8.8' });
    expect(failureReason(together(unreachable, first, refused))).toBe('connection_refused');
    expect(failureReason(together(first, refused, unreachable))).toBe('connection_refused');
    expect(failureReason(together(unreachable))).toBe('unreachable');
  });
});
