import { BlockList, isIP, isIPv4 } from 'node:net';

export interface AddressGuard {
  /** Whether plain http is spoken to anybody at all. */
  readonly allowsHttp: boolean;
  /** May we connect to this IP address by this protocol? Anything that is no address is refused. */
  permits(address: string, protocol: Protocol): boolean;
  /** May we connect to this TCP port of others by https? */
  permitsPort(port: number): boolean;
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
  // Azure's host, which answers inside only.
  '168.63.129.16/32',
  // Cloud metadata among others.
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
  return globalIpv6.check(address, 'ipv6') && !specialIpv6.check(address, 'ipv6') && !isIsatap(address);
}

/** RFC 5214, section 6.1: under any prefix, an IPv4 address follows `0000:5efe`; two bits of it may be set. */
function isIsatap(address: string): boolean {
  // The URL parser writes an address in one way: without a dotted part, and with one "::" at most.
  const [head = '', tail] = (URL.parse(`http://[${address}]/`)?.hostname ?? '').slice(1, -1).split('::');
  const [front, back] = [groupsOf(head), groupsOf(tail ?? '')];
  const groups = [...front, ...Array<number>(Math.max(0, 8 - front.length - back.length)).fill(0), ...back];
  return groups[5] === 0x5efe && ((groups[4] ?? 0) & 0xfcff) === 0;
}

const groupsOf = (text: string): number[] =>
  text === '' ? [] : text.split(':').map((group) => Number.parseInt(group, 16));

export interface AddressGuardOptions {
  /** Where a local stack may speak to this machine, by plain http too. */
  allowLoopbackHttp: boolean;
  /** TCP ports of others that https is spoken to. */
  allowedPorts: readonly number[];
}

/** https to public unicast addresses only; loopback, by plain http too, where a local stack allows it. */
export function createAddressGuard({ allowLoopbackHttp, allowedPorts }: AddressGuardOptions): AddressGuard {
  return {
    allowsHttp: allowLoopbackHttp,
    permitsPort: (port) => allowedPorts.includes(port),
    permits(address, protocol) {
      // A zone (`fe80::1%eth0`) belongs to link-local addresses only.
      if (isIP(address) === 0 || address.includes('%')) return false;
      if (isLoopback(address)) return allowLoopbackHttp;
      return protocol === 'https:' && isPublic(address);
    },
  };
}

export type Protocol = 'http:' | 'https:';

/** Where a URL leads, as far as it can be told without asking DNS. */
export type Target =
  | { kind: 'allowed'; url: URL; protocol: Protocol }
  | { kind: 'refused'; reason: 'invalid_request' | 'insecure_url' | 'blocked_address' | 'blocked_port' };

/** Literals are checked here: net.connect asks no `lookup` about them. The URL parser has normalised them. */
export function checkTarget(text: string, guard: AddressGuard): Target {
  const url = URL.parse(text);
  if (url === null) return { kind: 'refused', reason: 'invalid_request' };
  const { protocol } = url;
  if (protocol !== 'https:' && !(protocol === 'http:' && guard.allowsHttp))
    return { kind: 'refused', reason: 'insecure_url' };
  const address = literalOf(url);
  if (address !== null && !guard.permits(address, protocol))
    return { kind: 'refused', reason: 'blocked_address' };
  if (address === null && !isHostName(hostOf(url))) return { kind: 'refused', reason: 'invalid_request' };
  if (!mayUsePort(url, guard)) return { kind: 'refused', reason: 'blocked_port' };
  return { kind: 'allowed', url, protocol };
}

/** A receiver on this machine may listen anywhere, and plain http leads nowhere else. */
const mayUsePort = (url: URL, guard: AddressGuard): boolean =>
  (guard.allowsHttp && (url.protocol === 'http:' || isLoopbackHost(url))) ||
  guard.permitsPort(url.port === '' ? 443 : Number(url.port));

/** Without the brackets of an IPv6 literal. */
export const hostOf = (url: URL): string => url.hostname.replaceAll(/^\[|\]$/g, '');

/**
 * What DNS can hold (RFC 1035, section 2.3.4), after IDNA, with a dot at its end or without. Underscores and hyphens stand
 * anywhere, as HTTP clients have it: such names exist. The URL parser lets much more through: `*`, `!`, labels of any length.
 */
function isHostName(host: string): boolean {
  const name = host.replace(/\.$/, '');
  return name.length <= 253 && name.split('.').every((label) => /^[a-z0-9_-]{1,63}$/.test(label));
}

/** Whether a URL's host is this machine, told by its name alone. */
export function isLoopbackHost(url: URL): boolean {
  const address = literalOf(url);
  return address !== null && isLoopback(address);
}

/** The address that stands in the URL, or that `localhost` always means (RFC 6761, section 6.3); null for other names. */
function literalOf(url: URL): string | null {
  const host = hostOf(url);
  if (isIP(host) !== 0) return host;
  return /(^|\.)localhost\.?$/.test(host) ? '127.0.0.1' : null;
}
