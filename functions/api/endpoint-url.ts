import { EndpointAuthSchema, type EndpointAuth } from '../../schemas/endpoint.ts';
import {
  checkTarget,
  createAddressGuard,
  isLoopbackHost,
  type AddressGuardOptions,
} from '../shared/address-guard.ts';

export type BasicAuth = Extract<EndpointAuth, { type: 'basic' }>;

/** `detail` says what is wrong and quotes nothing but single characters: the URL may hold a password. */
export type EndpointUrl =
  | { kind: 'valid'; /** Without credentials. */ url: string; auth: BasicAuth | null }
  | { kind: 'invalid'; detail: string };

const maxUrlChars = 2_048;
/** RFC 3986, section 2.2. */
const reserved = /[:/?#[\]@!$&'()*+,;=]/;

/**
 * Reads the URL that a partner registers, and takes Basic credentials out of it: test/seeds/access-event.txt. Where its
 * host leads is asked at each attempt; what can be told from the URL alone is refused here.
 */
export function readEndpointUrl(text: string, options: AddressGuardOptions): EndpointUrl {
  if (text.length > maxUrlChars) return invalid(`must be at most ${maxUrlChars} characters`);
  const url = URL.parse(text);
  if (url === null) return invalid(misplacedCharacter(text) ?? 'must be an https URL');
  // A slash in a password ends the host, and the rest of the password would be stored as a path.
  if (`${url.pathname}${url.search}${url.hash}`.includes('@'))
    return invalid(misplacedCharacter(text) ?? 'must not contain "@" after the host: write it as %40');
  const credentials = readCredentials(url);
  if (credentials.kind === 'invalid') return credentials;
  url.username = '';
  url.password = '';
  const refusal = refusalOf(url, options);
  if (refusal !== null) return invalid(refusal);
  return { kind: 'valid', url: url.href, auth: credentials.auth };
}

const invalid = (detail: string) => ({ kind: 'invalid', detail }) as const;

function refusalOf(url: URL, options: AddressGuardOptions): string | null {
  const target = checkTarget(url.href, createAddressGuard(options));
  if (target.kind === 'allowed') {
    if (isLoopbackHost(url)) return null;
    if (target.protocol === 'http:') return mustBeHttps;
    return isInsideName(url.hostname) ? mustBePublic : null;
  }
  switch (target.reason) {
    case 'blocked_address':
      return mustBePublic;
    case 'blocked_port':
      return `must use port ${new Intl.ListFormat('en', { type: 'disjunction' }).format(options.allowedPorts.map(String))}`;
    case 'insecure_url':
      return mustBeHttps;
    case 'invalid_request':
      return mustBeHostName;
  }
}

const mustBeHttps = 'must begin with https';
const mustBeHostName =
  'must have a host name that DNS can hold: at most 253 characters, and between its dots 1 to 63 letters, digits, "-" or "_"';
const mustBePublic = 'must lead to a public address';

/**
 * Names that no public name server answers: without a dot, or reserved for networks of one's own (RFC 6762, RFC 8375,
 * ICANN's `internal`). Each attempt would refuse their addresses anyway; said here, the partner hears it at once.
 */
const isInsideName = (hostname: string): boolean =>
  /^[^.]*\.?$|\.(local|localdomain|internal|intranet|lan|home\.arpa)\.?$/.test(hostname) &&
  !hostname.startsWith('[');

function readCredentials(
  url: URL,
): { kind: 'read'; auth: BasicAuth | null } | { kind: 'invalid'; detail: string } {
  if (url.username === '' && url.password === '') return { kind: 'read', auth: null };
  const username = decode(url.username);
  const password = decode(url.password);
  if (username === null || password === null)
    return invalid('has a "%" in its user name or password that encodes nothing');
  for (const [part, value] of [
    ['user name', username],
    ['password', password],
  ] as const) {
    const character = reserved.exec(value)?.[0];
    if (character !== undefined) return invalid(reservedIn(part, character));
  }
  const auth = EndpointAuthSchema.safeParse({ type: 'basic', username, password });
  if (auth.success && auth.data.type === 'basic') return { kind: 'read', auth: auth.data };
  return invalid('has a user name or password that is too long or has control characters');
}

/** Null for a percent sign without two hexadecimal digits, or bytes that are no UTF-8. */
function decode(text: string): string | null {
  try {
    return decodeURIComponent(text);
  } catch {
    return null;
  }
}

const reservedIn = (part: string, character: string): string =>
  `has "${character}" in its ${part}: characters that RFC 3986 reserves are not accepted there, encoded or not`;

/** For a URL that falls apart elsewhere than meant: the first reserved character of what stands before its last "@". */
function misplacedCharacter(text: string): string | null {
  const before = /^\s*[a-z][a-z0-9+.-]*:\/\/(.*)@/is.exec(text)?.[1];
  if (before === undefined) return null;
  // The first colon stands between the two.
  const character = reserved.exec(before.replace(':', ''))?.[0];
  return character === undefined ? null : reservedIn('user name or password', character);
}
