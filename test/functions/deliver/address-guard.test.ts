import { describe, expect, it } from 'vitest';
import {
  BlockedAddressError,
  createAddressGuard,
  guardLookup,
} from '../../../functions/deliver/address-guard.ts';

const strict = createAddressGuard({ allowLoopbackHttp: false });
const local = createAddressGuard({ allowLoopbackHttp: true });

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

/** What net.connect would get if the resolver knew these addresses. */
const ask = (addresses: string[], all: boolean) =>
  new Promise((resolve) => {
    const answer = addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));
    const guarded = guardLookup(strict, 'https:', (_, __, callback) => callback(null, answer));
    guarded('partner.example', { all }, (error, found, family) => resolve(error ?? { found, family }));
  });

describe('guardLookup', () => {
  it('gives the addresses that were checked, in either form', async () => {
    expect(await ask(['8.8.8.8', '2606:4700::1111'], true)).toEqual({
      found: [
        { address: '8.8.8.8', family: 4 },
        { address: '2606:4700::1111', family: 6 },
      ],
      family: undefined,
    });
    expect(await ask(['8.8.8.8'], false)).toEqual({ found: '8.8.8.8', family: 4 });
  });

  it('refuses a host if one of its addresses is not public', async () => {
    expect(await ask(['8.8.8.8', '10.0.0.1'], true)).toBeInstanceOf(BlockedAddressError);
    expect(await ask(['8.8.8.8', '10.0.0.1'], false)).toBeInstanceOf(BlockedAddressError);
    expect(await ask([], true)).toBeInstanceOf(BlockedAddressError);
  });
});
