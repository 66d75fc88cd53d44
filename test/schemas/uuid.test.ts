import { describe, expect, it } from 'vitest';
import { uuidFromHash } from '../../schemas/uuid.ts';

describe('a UUID over a hash', () => {
  // RFC 9562, appendix A.4: SHA-1 of the DNS namespace and "www.example.com".
  const sha1 = Buffer.from('2ed6657de927468b55e12665a8aea6a22dee3e35', 'hex');

  it('is the RFC’s own for its example', () => {
    expect(uuidFromHash(sha1, 5)).toBe('2ed6657d-e927-568b-95e1-2665a8aea6a2');
  });

  it('differs in its version only, and leaves the hash as it was', () => {
    const before = Buffer.from(sha1);
    expect(uuidFromHash(sha1, 8)).toBe('2ed6657d-e927-868b-95e1-2665a8aea6a2');
    expect(sha1).toEqual(before);
  });
});
