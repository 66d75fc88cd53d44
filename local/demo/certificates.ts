import { generateKeyPairSync, randomBytes, sign, type KeyObject } from 'node:crypto';

/** X.509 certificates made on the spot, so that none of ours expires in the repository and no key lies in it. */
export interface Certificate {
  /** PEM. */
  cert: string;
  /** PEM. */
  key: string;
  /** For `issuer`. */
  signer: { name: string; privateKey: KeyObject };
}

export interface CertificateOptions {
  /** DNS names and addresses, beside the common name `towercast test`. */
  names?: readonly string[];
  /** Default: it signs itself. */
  issuer?: Certificate;
  /** Default: an hour ago. */
  notBefore?: Date;
  /** Default: in an hour. */
  notAfter?: Date;
  isCa?: boolean;
  /** Default: a key on the curve P-256, which is the only one that may sign others. */
  rsaBits?: number;
  /** May prove clients only. */
  ofClients?: boolean;
}

const der = (tag: number, ...parts: Uint8Array[]): Buffer => {
  const content = Buffer.concat(parts);
  const { length } = content;
  const size = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...size]), content]);
};
const hex = (text: string) => Buffer.from(text, 'hex');
const sequence = (...parts: Uint8Array[]) => der(0x30, ...parts);
const time = (at: Date) => der(0x18, Buffer.from(at.toISOString().replaceAll(/[-:T]|\.\d+/g, '')));
const octets = (content: Uint8Array) => der(0x04, content);
const isTrue = hex('0101ff');

const ecdsaWithSha256 = sequence(hex('06082a8648ce3d040302'));
const commonName = hex('0603550403');
const subjectAltName = hex('0603551d11');
const basicConstraints = hex('0603551d13');
const extendedKeyUsage = hex('0603551d25');
const clientAuthentication = hex('06082b06010505070302');

const nameOf = (text: string) => sequence(der(0x31, sequence(commonName, der(0x0c, Buffer.from(text)))));
const generalName = (name: string) => {
  if (name.includes(':')) return der(0x87, ipv6Bytes(name));
  return /^[\d.]+$/.test(name)
    ? der(0x87, Buffer.from(name.split('.').map(Number)))
    : der(0x82, Buffer.from(name));
};

function ipv6Bytes(address: string): Buffer {
  const [left = [], right = []] = address.split('::').map((part) => part.split(':').filter(Boolean));
  const zeros = Array.from({ length: 8 - left.length - right.length }, () => '0');
  return hex([...left, ...zeros, ...right].map((group) => group.padStart(4, '0')).join(''));
}

/** RFC 7468. An empty line before the end, say, is none that OpenSSL takes. */
const linesOf = (base64: string): string => (base64.match(/.{1,64}/g) ?? []).join('\n');

/** RFC 5280 with as little as OpenSSL accepts: a key, names, what it is for, and whether it may sign others. */
export function makeCertificate(options: CertificateOptions = {}): Certificate {
  const { names = [], issuer, isCa = false, rsaBits, ofClients = false } = options;
  const { notBefore = new Date(Date.now() - 3_600_000), notAfter = new Date(Date.now() + 3_600_000) } =
    options;
  const { privateKey, publicKey } =
    rsaBits === undefined
      ? generateKeyPairSync('ec', { namedCurve: 'P-256' })
      : generateKeyPairSync('rsa', { modulusLength: rsaBits });
  const name = isCa ? `towercast test authority ${randomBytes(4).toString('hex')}` : 'towercast test';
  const signer = issuer?.signer ?? { name, privateKey };
  const extensions = [
    ...(names.length > 0 ? [sequence(subjectAltName, octets(sequence(...names.map(generalName))))] : []),
    ...(isCa ? [sequence(basicConstraints, isTrue, octets(sequence(isTrue)))] : []),
    ...(ofClients ? [sequence(extendedKeyUsage, octets(sequence(clientAuthentication)))] : []),
  ];
  const toBeSigned = sequence(
    der(0xa0, hex('020102')),
    der(0x02, Buffer.from([1]), randomBytes(8)),
    ecdsaWithSha256,
    nameOf(signer.name),
    sequence(time(notBefore), time(notAfter)),
    nameOf(name),
    publicKey.export({ type: 'spki', format: 'der' }),
    ...(extensions.length > 0 ? [der(0xa3, sequence(...extensions))] : []),
  );
  const signature = der(0x03, Buffer.from([0]), sign('sha256', toBeSigned, signer.privateKey));
  const base64 = sequence(toBeSigned, ecdsaWithSha256, signature).toString('base64');
  return {
    cert: `-----BEGIN CERTIFICATE-----\n${linesOf(base64)}\n-----END CERTIFICATE-----\n`,
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    signer: { name, privateKey },
  };
}
