import type { LookupAddress, LookupAllOptions } from 'node:dns';
import type { LookupFunction } from 'node:net';
import type { AddressGuard, Protocol } from '../shared/address-guard.ts';

/** The stable code of the error that ends a connection to a refused address. */
export const blockedAddressCode = 'ERR_BLOCKED_ADDRESS';

export class BlockedAddressError extends Error {
  readonly code = blockedAddressCode;

  constructor() {
    // Not which one: what a name resolves to inside is none of the partner's business.
    super('the host resolves to an address that is not public');
    this.name = 'BlockedAddressError';
  }
}

/** As dns.lookup does it; createNameResolver makes one that needs no thread. */
export type Resolve = (
  hostname: string,
  options: LookupAllOptions,
  callback: (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void,
) => void;

/**
 * A `lookup` for net.connect that refuses a host if any of its addresses is refused: the connection goes to one of
 * those that were checked, so a name can't change its mind in between. net.connect doesn't call it for literals.
 * However many they are, a few are tried: an answer of thousands would have an attempt connect to all of them in turn.
 */
export function guardLookup(guard: AddressGuard, protocol: Protocol, resolve: Resolve): LookupFunction {
  return (hostname, options, callback) => {
    resolve(hostname, { ...options, all: true }, (error, addresses) => {
      // Whatever the types say: with an error come no addresses.
      if (error !== null) return callback(error, []);
      const [first] = addresses;
      if (first === undefined || !addresses.every(({ address }) => guard.permits(address, protocol)))
        return callback(new BlockedAddressError(), []);
      if (options.all === true) callback(null, someOf(addresses));
      else callback(null, first.address, first.family);
    });
  };
}

const maxTried = 6;

/** As they come, half of them of the one family and half of the other as far as there are enough. */
function someOf(addresses: readonly LookupAddress[]): LookupAddress[] {
  const families = [4, 6].map((family) => addresses.filter((address) => address.family === family));
  const tried = new Set(
    families.flatMap((own) =>
      own.slice(0, Math.max(maxTried / 2, maxTried - (addresses.length - own.length))),
    ),
  );
  return addresses.filter((address) => tried.has(address));
}
