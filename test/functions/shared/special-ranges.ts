import { isIPv4 } from 'node:net';

/**
 * What no partner may be reached at, as IANA's registries of special-purpose addresses, RFC 5771 and RFC 4291 have it.
 * Written down a second time on purpose, and reckoned with in another way than the guard does.
 */
export const specialRanges: readonly string[] = [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '168.63.129.16/32',
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
  '255.255.255.255/32',
  '::/128',
  '::1/128',
  '::ffff:0:0/96',
  '64:ff9b::/96',
  '64:ff9b:1::/48',
  '100::/64',
  '100:0:0:1::/64',
  '2001::/32',
  '2001::/23',
  '2001:2::/48',
  '2001:20::/28',
  '2001:db8::/32',
  '2002::/16',
  '2620:4f:8000::/48',
  '3fff::/20',
  '5f00::/16',
  'fc00::/7',
  'fe80::/10',
  'fec0::/10',
  'ff00::/8',
  // Never handed out as global unicast.
  '::/3',
  '4000::/2',
  '8000::/1',
];

const bitsOf = (address: string): bigint => (isIPv4(address) ? 32n : 128n);

const groupsOf = (text: string): string[] => text.split(':').filter((group) => group !== '');

/** An address as a number. */
function toNumber(address: string): bigint {
  if (isIPv4(address)) return address.split('.').reduce((sum, part) => sum * 256n + BigInt(part), 0n);
  const [head = '', tail] = address.split('::');
  const missing = tail === undefined ? 0 : 8 - groupsOf(head).length - groupsOf(tail).length;
  return [...groupsOf(head), ...Array<string>(missing).fill('0'), ...groupsOf(tail ?? '')].reduce(
    (sum, group) => sum * 65_536n + BigInt(`0x${group}`),
    0n,
  );
}

/** Null for what lies beyond the family's last address, or before its first. */
function toText(number: bigint, bits: bigint): string | null {
  if (number < 0n || number >= 1n << bits) return null;
  if (bits === 32n) return [24n, 16n, 8n, 0n].map((shift) => (number >> shift) & 255n).join('.');
  const groups = Array.from({ length: 8 }, (_, index) =>
    ((number >> BigInt(112 - index * 16)) & 65_535n).toString(16),
  ).join(':');
  const hostname = new URL(`http://[${groups}]/`).hostname;
  return hostname.slice(1, -1);
}

const networkOf = (range: string): { network: string; hostBits: bigint } => {
  const [network = '', prefix = ''] = range.split('/');
  return { network, hostBits: bitsOf(network) - BigInt(prefix) };
};

/** Of a range as `10.0.0.0/8`. */
export function edgesOf(range: string): { first: string; last: string } {
  const { network, hostBits } = networkOf(range);
  const last = toText(toNumber(network) + (1n << hostBits) - 1n, bitsOf(network));
  if (last === null) throw new Error(`${range} is no range`);
  return { first: network, last };
}

/** Null where there is none. */
export const before = (address: string): string | null => toText(toNumber(address) - 1n, bitsOf(address));
export const after = (address: string): string | null => toText(toNumber(address) + 1n, bitsOf(address));

export function isWithin(address: string, range: string): boolean {
  const { network, hostBits } = networkOf(range);
  return (
    bitsOf(address) === bitsOf(network) && toNumber(address) >> hostBits === toNumber(network) >> hostBits
  );
}

export const inUrl = (address: string): string => (isIPv4(address) ? address : `[${address}]`);
