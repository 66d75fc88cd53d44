import { describe, expect, it } from 'vitest';
import { BlockedAddressError, guardLookup } from '../../../functions/deliver/guarded-lookup.ts';
import { createAddressGuard } from '../../../functions/shared/address-guard.ts';

const strict = createAddressGuard({ allowLoopbackHttp: false, allowedPorts: [443, 8443] });

/** What net.connect would get if the resolver knew these addresses. */
const ask = (addresses: string[], all: boolean) =>
  new Promise((resolve) => {
    const answer = addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));
    const guarded = guardLookup(strict, 'https:', (_, __, callback) => callback(null, answer));
    guarded('partner.example', { all }, (error, found, family) => resolve(error ?? { found, family }));
  });

const many = (count: number, prefix: string) =>
  Array.from({ length: count }, (_, index) => `${prefix}${index + 1}`);

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

  it.each([
    ['only IPv4', many(200, '8.8.8.'), many(6, '8.8.8.')],
    ['only IPv6', many(900, '2606:4700::'), many(6, '2606:4700::')],
    [
      'many of both',
      [...many(200, '8.8.8.'), ...many(900, '2606:4700::')],
      [...many(3, '8.8.8.'), ...many(3, '2606:4700::')],
    ],
    [
      'few of one',
      [...many(1, '2606:4700::'), ...many(200, '8.8.8.')],
      [...many(1, '2606:4700::'), ...many(5, '8.8.8.')],
    ],
  ])('gives six of a multitude, of both families: %s', async (_, all, tried) => {
    const found = tried.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));
    expect(await ask(all, true)).toEqual({ found, family: undefined });
    expect(await ask([...all, '10.0.0.1'], true)).toBeInstanceOf(BlockedAddressError);
  });
});
