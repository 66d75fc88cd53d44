import { lookup, type LookupAddress, type LookupAllOptions } from 'node:dns';
import { BlockList, isIP, isIPv4, type LookupFunction } from 'node:net';

export interface AddressGuard {
  /** Whether plain http is spoken to anybody at all. */
  readonly allowsHttp: boolean;
  /** May we connect to this IP address by this protocol? Anything that is no address is refused. */
  permits(address: string, protocol: 'http:' | 'https:'): boolean;
}

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

function subnets(family: 'ipv4' | 'ipv6', ranges: readonly string[]): BlockList {
  const list = new BlockList();
  for (const range of ranges) {
    const [network = '', prefix] = range.split('/');
    list.addSubnet(network, Number(prefix), family);
  }
  return list;
}

/** https://www.iana.org/assignments/iana-ipv4-special-registry, and multicast. */
const specialIpv4 = subnets('ipv4', [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.31.196.0/24',
  '192.52.193.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '192.175.48.0/24',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/4',
  '240.0.0.0/4',
]);

/** All that is handed out as global unicast; mapped, translated, link and site local addresses lie outside. */
const globalIpv6 = subnets('ipv6', ['2000::/3']);

/** https://www.iana.org/assignments/iana-ipv6-special-registry: Teredo, 6to4 and documentation among others. */
const specialIpv6 = subnets('ipv6', [
  '2001::/23',
  '2001:db8::/32',
  '2002::/16',
  '2620:4f:8000::/48',
  '3fff::/20',
]);

const loopbackIpv4 = subnets('ipv4', ['127.0.0.0/8']);

function isLoopback(address: string): boolean {
  return isIPv4(address) ? loopbackIpv4.check(address) : address === '::1';
}

function isPublic(address: string): boolean {
  if (isIPv4(address)) return !specialIpv4.check(address);
  return globalIpv6.check(address, 'ipv6') && !specialIpv6.check(address, 'ipv6');
}

/** https to public unicast addresses only; loopback, by plain http too, where a local stack allows it. */
export function createAddressGuard({ allowLoopbackHttp }: { allowLoopbackHttp: boolean }): AddressGuard {
  return {
    allowsHttp: allowLoopbackHttp,
    permits(address, protocol) {
      // A zone (`fe80::1%eth0`) belongs to link-local addresses only.
      if (isIP(address) === 0 || address.includes('%')) return false;
      if (isLoopback(address)) return allowLoopbackHttp;
      return protocol === 'https:' && isPublic(address);
    },
  };
}

/** As dns.lookup does it. */
export type Resolve = (
  hostname: string,
  options: LookupAllOptions,
  callback: (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void,
) => void;

/**
 * A `lookup` for net.connect that refuses a host if any of its addresses is refused: the connection goes to one of
 * those that were checked, so a name can't change its mind in between. net.connect doesn't call it for literals.
 */
export function guardLookup(
  guard: AddressGuard,
  protocol: 'http:' | 'https:',
  resolve: Resolve = lookup,
): LookupFunction {
  return (hostname, options, callback) => {
    resolve(hostname, { ...options, all: true }, (error, addresses) => {
      // Whatever the types say: with an error come no addresses.
      if (error !== null) return callback(error, []);
      const [first] = addresses;
      if (first === undefined || !addresses.every(({ address }) => guard.permits(address, protocol)))
        return callback(new BlockedAddressError(), []);
      if (options.all === true) callback(null, addresses);
      else callback(null, first.address, first.family);
    });
  };
}
