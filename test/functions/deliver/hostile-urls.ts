/**
 * URLs that a hostile partner might register. `{port}` is where the canary listens.
 *
 * `canary`: leads to loopback, so that a sender without a guard connects to it. `inside`: leads to addresses that are
 * not public, which a test must not try out. `nowhere`: no sender could follow it.
 */
export interface HostileUrl {
  url: string;
  leadsTo: 'canary' | 'inside' | 'nowhere';
  /** What refuses it first. A name is only known when it is resolved. */
  refusedAt: 'registration' | 'connect';
}

const each = (
  leadsTo: HostileUrl['leadsTo'],
  refusedAt: HostileUrl['refusedAt'],
  urls: readonly string[],
): HostileUrl[] => urls.map((url) => ({ url, leadsTo, refusedAt }));

const loopbackLiterals = [
  'https://127.0.0.1:{port}/',
  'https://127.0.0.1.:{port}/',
  'https://127.1:{port}/',
  'https://127.0.1:{port}/',
  'https://2130706433:{port}/',
  'https://0x7f000001:{port}/',
  'https://0x7F.0.0.1:{port}/',
  'https://0x7f.0x0.0x0.0x1:{port}/',
  'https://0x00000000000000007f.1:{port}/',
  'https://0177.0.0.1:{port}/',
  'https://017700000001:{port}/',
  'https://0000000177.0.0.01:{port}/',
  'https://127.0.0.0x1:{port}/',
  'https://%31%32%37.0.0.1:{port}/',
  'https://127%2e0%2e0%2e1:{port}/',
  'https://\uFF11\uFF12\uFF17.0.0.1:{port}/',
  'https://\u2460\u2461\u2466.\u24EA.\u24EA.\u2460:{port}/',
  'https://\u{1D7CF}\u{1D7D0}\u{1D7D5}.0.0.1:{port}/',
  'https://127\u30020\u30020\u30021:{port}/',
  'https://127\uFF0E0\uFF0E0\uFF0E1:{port}/',
  'https://0:{port}/',
  'https://0x0:{port}/',
  'https://0.0.0.0:{port}/',
  'https://[::1]:{port}/',
  'https://[0:0:0:0:0:0:0:1]:{port}/',
  'https://[0000:0000:0000:0000:0000:0000:0000:0001]:{port}/',
  'https://[::0.0.0.1]:{port}/',
  'https://[::]:{port}/',
  'https://[::ffff:127.0.0.1]:{port}/',
  'https://[::FFFF:7f00:1]:{port}/',
  'https://[0:0:0:0:0:ffff:127.0.0.1]:{port}/',
];

const loopbackNames = [
  'https://localhost:{port}/',
  'https://LOCALHOST.:{port}/',
  'https://localhost%2e:{port}/',
  'https://loc%61lhost:{port}/',
  'https://local\u00ADhost:{port}/',
  'https://\u24DB\u24DE\u24D2\u24D0\u24DB\u24D7\u24DE\u24E2\u24E3:{port}/',
  'https://api.localhost:{port}/',
];

const oddlyWritten = [
  'https:127.0.0.1:{port}/',
  'https:/127.0.0.1:{port}/',
  'https:///127.0.0.1:{port}/',
  'https:\\\\127.0.0.1:{port}\\',
  '\t https://127.0.\n0.1:{port}/',
  'HTTPS://127.0.0.1:{port}',
];

const userinfoTricks = [
  'https://partner.example@127.0.0.1:{port}/',
  'https://partner.example:443@127.0.0.1:{port}/',
  'https://partner.example%00@127.0.0.1:{port}/',
  'https://partner.example%2f@127.0.0.1:{port}/',
  'https://a@b@127.0.0.1:{port}/',
  'https://user:pass@[::1]:{port}/',
  'https://127.0.0.1:{port}\\@partner.example/',
  'https://127.0.0.1:{port}#@partner.example/',
  'https://127.0.0.1:{port}?@partner.example/',
  'https://127.0.0.1:{port}/@partner.example/',
];

const plainHttp = [
  'http://127.0.0.1:{port}/',
  'http://localhost:{port}/',
  'http://[::1]:{port}/',
  'http://loopback.evil.example:{port}/',
];

const metadata = [
  'https://169.254.169.254/latest/meta-data/',
  'https://2852039166/latest/meta-data/',
  'https://0xa9fea9fe/latest/meta-data/',
  'https://0251.0376.0251.0376/latest/meta-data/',
  'https://169.16689662/latest/meta-data/',
  'https://[::ffff:169.254.169.254]/latest/meta-data/',
  'https://[::ffff:a9fe:a9fe]/',
  'https://[fd00:ec2::254]/latest/meta-data/',
  'https://169.254.170.2/v2/credentials',
  'https://169.254.170.23/v1/credentials',
  'https://169.254.169.253/',
  'https://100.100.100.200/latest/meta-data/',
  'https://192.0.0.192/opc/v2/',
  'https://168.63.129.16/machine',
  'https://metadata.google.internal/computeMetadata/v1/',
];

const privateLiterals = [
  'https://10.0.0.1/',
  'https://10.255.255.255/',
  'https://167772161/',
  'https://012.1/',
  'https://172.16.0.1/',
  'https://172.31.255.255/',
  'https://192.168.1.1/',
  'https://0xc0.0xa8.0x1.0x1/',
  'https://100.64.0.1/',
  'https://198.18.0.1/',
  'https://192.0.2.1/',
  'https://224.0.0.1/',
  'https://239.255.255.250/',
  'https://240.0.0.1/',
  'https://255.255.255.255/',
  'https://[fc00::1]/',
  'https://[fd12:3456:789a::1]/',
  'https://[fe80::1]/',
  'https://[fec0::1]/',
  'https://[ff02::1]/',
  'https://[100::1]/',
  'https://[2001:db8::1]/',
  'https://[3fff::1]/',
];

/** IPv4 addresses within IPv6 ones: compatible, translated, NAT64, 6to4, Teredo, ISATAP. */
const embedding = [
  'https://[::127.0.0.1]/',
  'https://[::7f00:1]/',
  'https://[::ffff:0:127.0.0.1]/',
  'https://[::ffff:10.0.0.1]/',
  'https://[64:ff9b::127.0.0.1]/',
  'https://[64:ff9b::a9fe:a9fe]/',
  'https://[64:ff9b:1::10.0.0.1]/',
  'https://[64:ff9b:1:ffff::7f00:1]/',
  'https://[2002:7f00:1::]/',
  'https://[2002:a9fe:a9fe::1]/',
  'https://[2002:0a00:0001::5efe:a00:1]/',
  'https://[2001:0:7f00:1::]/',
  'https://[2001:0:4136:e378:8000:63bf:80ff:fffe]/',
  'https://[2606:4700::5efe:10.0.0.1]/',
  'https://[2a00:1450::200:5efe:7f00:1]/',
];

const insideNames = [
  'https://intranet/',
  'https://router./',
  'https://printer.local/',
  'https://db.internal/',
  'https://nas.home.arpa./',
];

const otherSchemes = [
  'ftp://127.0.0.1:{port}/',
  'ws://127.0.0.1:{port}/',
  'wss://127.0.0.1:{port}/',
  'gopher://127.0.0.1:{port}/_GET',
  'file:///etc/passwd',
  'data:text/plain,a',
  'http://unix:/var/run/docker.sock:/info',
  '//127.0.0.1:{port}/',
  '127.0.0.1:{port}',
];

const malformed = [
  'https://[::1%25lo]:{port}/',
  'https://[fe80::1%25eth0]:{port}/',
  'https://[fe80::1%eth0]:{port}/',
  'https://[::1:{port}/',
  'https://4294967297:{port}/',
  'https://127.0.0.256:{port}/',
  'https://127.0.0.0.1:{port}/',
  'https://127.0.0.1%00.partner.example/',
  'https://127.0.0.1%2f.partner.example/',
  'https://partner.example%40127.0.0.1:{port}/',
  'https://127.0.0.1 .partner.example/',
  'https://partner.example:65979/',
  'https://partner.example:-1/',
];

/** The URL parser takes them for host names, and no name server can. */
const impossibleNames = [
  'https://*/',
  'https://*.partner.example/',
  'https://partner.*.example/',
  'https://partner..example/',
  'https://.partner.example/',
  'https://partner.example../',
  'https://./',
  'https://a!b.example/',
  "https://a'b.example/",
  'https://a,b.example/',
  'https://a;b.example/',
  'https://a=b.example/',
  'https://a$b.example/',
  'https://a&b.example/',
  'https://a~b.example/',
  'https://{id}.example/',
  `https://${'a'.repeat(64)}.example/`,
  `https://${'a'.repeat(63)}.${'b'.repeat(64)}.example./`,
  `https://${longName(254)}/`,
  `https://${longName(254)}./`,
  // 58 and 60 characters; more than 63 once IDNA has encoded them.
  `https://${'a'.repeat(57)}\u00FC.example/`,
  `https://${'\u00FC'.repeat(60)}.example/`,
];

/** A name of so many characters, in labels of 63 at most. */
function longName(length: number): string {
  const labels = `${'a'.repeat(62)}.`.repeat(Math.ceil(length / 63)).slice(0, length - 8);
  return `${labels.replace(/\.$/, 'a')}.example`;
}

/** The name leads to the canary; were it not for the port, the connection would still be refused. */
const otherPorts = [0, 1, 22, 25, 80, 3306, 6379, 8080, 9200, 11211, 65535].map(
  (port) => `https://loopback.evil.example:${port}/`,
);

function many(prefix: string): string[] {
  return Array.from({ length: 8 }, (_, index) => `${prefix}${index + 1}`);
}

/** What the names of the table resolve to. */
export const hostileNames: Readonly<Record<string, readonly string[]>> = {
  'loopback.evil.example': ['127.0.0.1'],
  'loopback6.evil.example': ['::1'],
  'mapped.evil.example': ['::ffff:127.0.0.1'],
  'any.evil.example': ['0.0.0.0'],
  'loopback-first.evil.example': ['127.0.0.1', '8.8.8.8'],
  'public-first.evil.example': ['8.8.8.8', '127.0.0.1'],
  'public-first6.evil.example': ['2606:4700::1111', '::1'],
  'metadata.evil.example': ['169.254.169.254'],
  'private.evil.example': ['10.0.0.1'],
  'nat64.evil.example': ['64:ff9b::7f00:1'],
  'zone.evil.example': ['fe80::1%lo'],
  // More than are ever tried, and the last one is inside.
  'last-of-many.evil.example': [...many('8.8.8.'), ...many('2606:4700::'), '10.0.0.1'],
  'nothing.evil.example': [],
};

const namesTo = (leadsTo: 'canary' | 'inside') =>
  Object.entries(hostileNames)
    .filter(([, [first = '']]) => /^(127|0|::1$|::ffff)/.test(first) === (leadsTo === 'canary'))
    .map(([name]) => `https://${name}:{port}/hook`);

export const hostileUrls: readonly HostileUrl[] = [
  ...each('canary', 'registration', loopbackLiterals),
  ...each('canary', 'registration', loopbackNames),
  ...each('canary', 'registration', oddlyWritten),
  ...each('canary', 'registration', userinfoTricks),
  ...each('canary', 'registration', plainHttp),
  ...each('inside', 'registration', metadata),
  ...each('inside', 'registration', privateLiterals),
  ...each('inside', 'registration', embedding),
  ...each('inside', 'registration', insideNames),
  ...each('inside', 'registration', otherPorts),
  ...each('nowhere', 'registration', otherSchemes),
  ...each('nowhere', 'registration', malformed),
  ...each('nowhere', 'registration', impossibleNames),
  ...each('canary', 'connect', namesTo('canary')),
  ...each('inside', 'connect', namesTo('inside')),
];

/** URLs of partners as they should be, with what their names resolve to. */
export const publicUrls: readonly { url: string; addresses: readonly string[] }[] = [
  { url: 'https://partner.example/hooks', addresses: ['93.184.215.14'] },
  {
    url: 'https://partner.example:443/hooks',
    addresses: ['93.184.215.14', '2606:2800:21f:cb07:6820:80da:af6b:8b2c'],
  },
  { url: 'https://partner.example:8443/hooks?tenant=1', addresses: ['2a00:1450:4001:81b::200e'] },
  { url: 'https://user:word@partner.example/', addresses: ['1.1.1.1'] },
  { url: 'https://PARTNER.example./a/b%20c', addresses: ['8.8.4.4'] },
  { url: 'https://b\u00FCcher.example/', addresses: ['172.15.255.255', '172.32.0.0'] },
  { url: 'https://localhost.example/', addresses: ['100.63.255.255', '100.128.0.0'] },
  { url: 'https://internal.example/', addresses: ['11.0.0.1', '126.255.255.255', '128.0.0.1'] },
  { url: 'https://10.0.0.1.partner.example/', addresses: ['169.253.255.255', '169.255.0.0'] },
  { url: 'https://1.partner.example/', addresses: ['223.255.255.255', '198.17.255.255', '198.20.0.0'] },
  { url: 'https://8.8.8.8/', addresses: [] },
  { url: 'https://134744072/', addresses: [] },
  { url: 'https://[2606:4700:4700::1111]/', addresses: [] },
  { url: 'https://[2a00:1450:4001:81b::200e]:8443/', addresses: [] },
  { url: 'https://[2001:4860:4860::8888]/', addresses: [] },
  // Looks like ISATAP, but not where it counts.
  { url: 'https://[2606:4700:0:5efe::1]/', addresses: [] },
  { url: 'https://_my_host.partner.example/', addresses: ['8.8.4.4'] },
  { url: 'https://r3---sn-4g5e6nez.partner.example/', addresses: ['8.8.4.4'] },
  { url: `https://${'a'.repeat(63)}.example/`, addresses: ['8.8.4.4'] },
  { url: `https://${'a'.repeat(54)}\u00FC.example/`, addresses: ['8.8.4.4'] },
  { url: `https://${longName(253)}./`, addresses: ['8.8.4.4'] },
  { url: 'https://a.lambda-url.eu-central-1.on.aws/', addresses: ['3.5.140.2', '2a05:d014::1'] },
];
