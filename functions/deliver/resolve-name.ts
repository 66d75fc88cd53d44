import { Resolver, type LookupAddress } from 'node:dns';
import type { Resolve } from './guarded-lookup.ts';

/** RFC 6761, section 6.3: never asked of a name server. */
const loopback: readonly LookupAddress[] = [
  { address: '127.0.0.1', family: 4 },
  { address: '::1', family: 6 },
];
const isLocalhost = (hostname: string): boolean => /(^|\.)localhost\.?$/i.test(hostname);

/** Per question to a name server, doubled for the second try: under the deadline of an attempt. */
const timeoutMs = 2_000;
/** Some name servers drop questions about IPv6: whoever has an IPv4 address waits no longer than this for the other. */
const patienceMs = 500;

/**
 * Asks the name servers themselves, for both families at once. `dns.lookup` would do it on one of libuv's four
 * threads, and four partners whose name servers are silent would keep all of them from everybody else for as long as
 * the system's resolver has patience. It reads no hosts file.
 */
export function createNameResolver(servers?: readonly string[]): Resolve {
  const resolver = new Resolver({ timeout: timeoutMs, tries: 2 });
  if (servers !== undefined) resolver.setServers(servers);
  return (hostname, _options, callback) => {
    if (isLocalhost(hostname)) return callback(null, [...loopback]);
    const found: LookupAddress[] = [];
    let failure: NodeJS.ErrnoException | null = null;
    let open = 2;
    let patience: NodeJS.Timeout | undefined;
    let isFinished = false;
    const finish = () => {
      if (isFinished) return;
      isFinished = true;
      clearTimeout(patience);
      if (found.length > 0) callback(null, [...found]);
      else callback(failure ?? noAddress(hostname), []);
    };
    const answered = (family: 4 | 6) => (error: NodeJS.ErrnoException | null, addresses: string[]) => {
      // A host with one family only is ordinary; with neither, the error about the common one tells most.
      if (error !== null) failure = family === 4 ? error : (failure ?? error);
      else found.push(...addresses.map((address) => ({ address, family })));
      open -= 1;
      if (open === 0) finish();
      else if (family === 4 && found.length > 0) patience = setTimeout(finish, patienceMs);
    };
    resolver.resolve4(hostname, answered(4));
    resolver.resolve6(hostname, answered(6));
  };
}

const noAddress = (hostname: string): NodeJS.ErrnoException =>
  Object.assign(new Error(`${hostname} has no address`), { code: 'ENODATA', syscall: 'queryA' });
