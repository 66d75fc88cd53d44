import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readEndpointUrl } from '../../../functions/api/endpoint-url.ts';

const read = (url: string) => readEndpointUrl(url, { allowLoopbackHttp: false, allowedPorts: [443, 8443] });
const detail = (url: string): string | null => {
  const result = read(url);
  return result.kind === 'invalid' ? result.detail : null;
};
const reserved = ":/?#[]@!$&'()*+,;=".split('');

describe('credentials in an endpoint’s URL', () => {
  it('are taken out of it and become Basic', () => {
    expect(read('https://myuser:mypasswoord@vandelay.ind/accessEvents?a=1')).toEqual({
      kind: 'valid',
      url: 'https://vandelay.ind/accessEvents?a=1',
      auth: { type: 'basic', username: 'myuser', password: 'mypasswoord' },
    });
  });

  it('may be missing, or have a part missing', () => {
    expect(read('https://vandelay.ind/')).toMatchObject({ auth: null });
    expect(read('https://user@vandelay.ind/')).toMatchObject({ auth: { username: 'user', password: '' } });
    expect(read('https://:word@vandelay.ind/')).toMatchObject({ auth: { username: '', password: 'word' } });
  });

  it('are decoded, UTF-8 included', () => {
    expect(read('https://us%20er:p%C3%A9@vandelay.ind/')).toMatchObject({
      auth: { username: 'us er', password: 'pé' },
    });
  });

  it.each(reserved)(
    'are refused with the reserved character %s in the password, and the reason names it',
    (c) => {
      const written = [c, `%${c.charCodeAt(0).toString(16).toUpperCase()}`];
      const details = written.flatMap((one) => [
        detail(`https://user:pl${one}anted@vandelay.ind/`),
        detail(`https://user:12${one}34@vandelay.ind/`),
      ]);
      expect(details.filter((text) => text?.includes(`"${c}"`) !== true)).toEqual([]);
    },
  );

  it.each(reserved.filter((c) => c !== ':'))(
    'are refused with the reserved character %s in the user name',
    (c) => {
      for (const written of [c, `%${c.charCodeAt(0).toString(16).toLowerCase()}`])
        expect(detail(`https://pl${written}anted:word@vandelay.ind/`)).toContain(`"${c}"`);
    },
  );

  it('are refused with an encoded colon in the user name', () => {
    expect(detail('https://pl%3Aanted:word@vandelay.ind/')).toContain('":" in its user name');
  });

  it('are refused with control characters, with malformed encoding, and when they are too long', () => {
    expect(detail('https://user:a%0Ab@vandelay.ind/')).toContain('control characters');
    expect(detail('https://user:a%zz@vandelay.ind/')).toContain('"%"');
    expect(detail('https://user:a%ff@vandelay.ind/')).toContain('"%"');
    expect(detail(`https://${'u'.repeat(300)}:a@vandelay.ind/`)).toContain('too long');
  });

  it('never show in the reason, whatever they are', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 8 }), fc.string({ maxLength: 8 }), (before, after) => {
        const result = read(`https://user:${before}planted${after}@vandelay.ind/hook`);
        expect(result.kind === 'invalid' ? result.detail : result.url).not.toContain('planted');
      }),
    );
  });
});

describe('an endpoint’s URL', () => {
  it.each(['http://vandelay.ind/', 'ftp://vandelay.ind/', 'http://127.0.0.1:8080/'])(
    'is refused: %s',
    (url) => {
      expect(detail(url)).toBe('must begin with https');
    },
  );

  it.each([
    'https://127.0.0.1/',
    'https://0x7f.1/',
    'https://[::1]/',
    'https://169.254.169.254/',
    'https://localhost/',
  ])('must not lead inside: %s', (url) => {
    expect(detail(url)).toBe('must lead to a public address');
  });

  it.each([
    'https://vandelay.ind:80/',
    'https://vandelay.ind:8080/',
    'https://8.8.8.8:22/',
    'https://vandelay.ind:0/',
  ])('must use a port that the stage allows, and the reason names them: %s', (url) => {
    expect(detail(url)).toBe('must use port 443 or 8443');
    expect(readEndpointUrl(url, { allowLoopbackHttp: false, allowedPorts: [0, 22, 80, 8080] }).kind).toBe(
      'valid',
    );
  });

  it.each(['https://vandelay.ind/', 'https://vandelay.ind:443/', 'https://vandelay.ind:8443/'])(
    'may use the ports of https: %s',
    (url) => {
      expect(detail(url)).toBeNull();
    },
  );

  it.each(['https://intranet/', 'https://db.internal/', 'https://printer.local./', 'https://nas.home.arpa/'])(
    'must not be a name that only a network of its own knows: %s',
    (url) => {
      expect(detail(url)).toBe('must lead to a public address');
    },
  );

  it.each(['https://*.vandelay.ind/', 'https://vandelay..ind/', `https://${'ü'.repeat(60)}.ind/`])(
    'must have a host name that a name server could answer about: %s',
    (url) => {
      expect(detail(url)).toContain('must have a host name that DNS can hold');
    },
  );

  it('may be plain http to this machine, and only that, where the stage allows it', () => {
    const local = { allowLoopbackHttp: true, allowedPorts: [443, 8443] };
    for (const url of ['http://127.0.0.1:8080/hook', 'http://localhost:8080/hook', 'http://[::1]:8080/hook'])
      expect(readEndpointUrl(url, local)).toEqual({ kind: 'valid', url, auth: null });
    for (const url of ['http://vandelay.ind/', 'http://10.0.0.1/'])
      expect(readEndpointUrl(url, local).kind).toBe('invalid');
  });

  it.each(['', 'vandelay.ind', 'https://', 'https://a b/', `https://vandelay.ind/${'a'.repeat(2_048)}`])(
    'is refused: %j',
    (url) => {
      expect(read(url).kind).toBe('invalid');
    },
  );

  it('has no "@" after its host: it could be a password that fell apart', () => {
    expect(detail('https://vandelay.ind/@me')).toContain('"/"');
    expect(detail('https://vandelay.ind/%40me')).toBeNull();
  });
});
