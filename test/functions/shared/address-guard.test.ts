import { describe, expect, it } from 'vitest';
import { checkTarget, createAddressGuard, isLoopbackHost } from '../../../functions/shared/address-guard.ts';
import { after, before, edgesOf, inUrl, isWithin, specialRanges } from './special-ranges.ts';

const strict = createAddressGuard({ allowLoopbackHttp: false, allowedPorts: [443, 8443] });
const local = createAddressGuard({ allowLoopbackHttp: true, allowedPorts: [443, 8443] });

const special = [
  '0.0.0.0',
  '10.1.2.3',
  '100.64.0.1',
  '127.0.0.1',
  '127.255.255.254',
  '169.254.169.254',
  '172.16.0.1',
  '172.31.255.255',
  '192.0.2.1',
  '192.168.1.1',
  '198.18.0.1',
  '224.0.0.1',
  '255.255.255.255',
  '::',
  '::1',
  '::ffff:127.0.0.1',
  '::ffff:10.0.0.1',
  '::ffff:8.8.8.8',
  '::ffff:7f00:1',
  '64:ff9b::7f00:1',
  '64:ff9b::808:808',
  '2001::1',
  '2001:db8::1',
  '2002:7f00:1::',
  'fc00::1',
  'fd12:3456::1',
  'fe80::1',
  'fe80::1%eth0',
  'fec0::1',
  'ff02::1',
  '168.63.129.16',
  '64:ff9b:1::a00:1',
  '2606:4700::5efe:a00:1',
  '2606:4700::5efe:10.0.0.1',
  '2606:4700::200:5efe:808:808',
  '2606:4700:1:2:0:5efe:7f00:1',
];

describe('createAddressGuard', () => {
  it.each(special)('refuses %s', (address) => {
    expect(strict.permits(address, 'https:')).toBe(false);
  });

  it.each([
    '8.8.8.8',
    '172.15.255.255',
    '172.32.0.1',
    '100.128.0.1',
    '203.0.114.1',
    '2606:4700::1111',
    '2a00:1450::1',
    '2606:4700:0:5efe::1',
    '2606:4700::1:5efe:a00:1',
  ])('permits %s by https only', (address) => {
    expect(strict.permits(address, 'https:')).toBe(true);
    expect(strict.permits(address, 'http:')).toBe(false);
    expect(local.permits(address, 'http:')).toBe(false);
  });

  it.each(['', 'localhost', '127.1', '0x7f.1', '2130706433', '8.8.8.8.8', '[::1]'])(
    'refuses %j, which is no address',
    (text) => {
      expect(local.permits(text, 'https:')).toBe(false);
    },
  );

  it('permits loopback where a local stack allows it, and still no other special address', () => {
    expect(['127.0.0.1', '127.9.9.9', '::1'].map((address) => local.permits(address, 'http:'))).toEqual([
      true,
      true,
      true,
    ]);
    const others = special.filter((address) => !/^127\.|^::1$/.test(address));
    expect(others.filter((address) => local.permits(address, 'https:'))).toEqual([]);
  });
});

describe('at the edges of each range that is not public', () => {
  it.each(specialRanges)(
    '%s: its first and last address are refused, its neighbours as they are',
    (range) => {
      const { first, last } = edgesOf(range);
      const neighbours = [before(first), after(last)].filter((address) => address !== null);
      for (const address of [first, last]) {
        expect([address, strict.permits(address, 'https:')]).toEqual([address, false]);
        expect([address, refusal(`https://${inUrl(address)}/`)]).toEqual([address, 'blocked_address']);
      }
      for (const address of neighbours) {
        const isPublic = !specialRanges.some((other) => isWithin(address, other));
        expect([address, strict.permits(address, 'https:')]).toEqual([address, isPublic]);
        expect([address, refusal(`https://${inUrl(address)}/`)]).toEqual([
          address,
          isPublic ? null : 'blocked_address',
        ]);
      }
    },
  );

  it('there are public neighbours of both families', () => {
    const open = specialRanges
      .flatMap((range) => [before(edgesOf(range).first), after(edgesOf(range).last)])
      .filter((address) => address !== null && !specialRanges.some((range) => isWithin(address, range)));
    expect(open).toEqual(
      expect.arrayContaining(['9.255.255.255', '11.0.0.0', '223.255.255.255', '2001:200::', '2003::']),
    );
  });
});

const refusal = (url: string, guard = strict) => {
  const target = checkTarget(url, guard);
  return target.kind === 'refused' ? target.reason : null;
};

describe('checkTarget', () => {
  it.each([
    'https://127.0.0.1/',
    'https://127.1/',
    'https://0x7f000001/',
    'https://2130706433/',
    'https://0177.0.0.1/',
    'https://[::1]/',
    'https://[::ffff:127.0.0.1]/',
    'https://169.254.169.254/latest/meta-data',
    'https://10.0.0.1:8443/',
    'https://localhost/',
    'https://LOCALHOST./',
    'https://api.localhost/',
  ])('refuses %s, in whatever notation it is written', (url) => {
    expect(refusal(url)).toBe('blocked_address');
  });

  it('refuses plain http but to loopback where a local stack allows it', () => {
    expect(refusal('http://partner.example/')).toBe('insecure_url');
    expect(refusal('http://127.0.0.1/')).toBe('insecure_url');
    expect(refusal('ftp://partner.example/', local)).toBe('insecure_url');
    expect(refusal('http://127.0.0.1:8080/', local)).toBeNull();
    expect(refusal('http://8.8.8.8/', local)).toBe('blocked_address');
  });

  it('refuses ports that are not allowed, but to loopback where a local stack allows it', () => {
    expect(refusal('https://partner.example:8443/')).toBeNull();
    expect(refusal('https://partner.example:443/')).toBeNull();
    for (const url of [
      'https://partner.example:80/',
      'https://8.8.8.8:22/',
      'https://partner.example:8444/',
    ]) {
      expect(refusal(url)).toBe('blocked_port');
      expect(refusal(url, local)).toBe('blocked_port');
    }
    expect(refusal('https://127.0.0.1:9999/', local)).toBeNull();
    expect(refusal('http://localhost:9999/', local)).toBeNull();
  });

  it('leaves names to be asked about when they are connected to', () => {
    expect(refusal('https://partner.example/hooks')).toBeNull();
    expect(isLoopbackHost(new URL('https://localhost.example/'))).toBe(false);
  });

  it('refuses what is no URL', () => {
    expect(refusal('partner.example')).toBe('invalid_request');
  });
});
