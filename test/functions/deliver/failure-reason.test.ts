import { describe, expect, it } from 'vitest';
import { failureReason } from '../../../functions/deliver/failure-reason.ts';

const errorWith = (fields: Record<string, string>) => Object.assign(new Error('boom'), fields);

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
});
