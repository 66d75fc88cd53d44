import { array, assert, constantFrom, property, string, tuple } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { maskSecrets } from '../../../functions/deliver/mask-secrets.ts';

const secret = `p/a"s&s'w<ö>r d+\u{1F600}%`;
const json = (text: string): string => JSON.stringify(text);
const hex = (value: number | undefined, digits: number): string =>
  (value ?? 0).toString(16).padStart(digits, '0');
const everyUnit = (text: string): string =>
  Array.from({ length: text.length }, (_, at) => `\\u${hex(text.charCodeAt(at), 4)}`).join('');
const ascii = (text: string): string =>
  json(text)
    .replaceAll('/', '\\/')
    .replaceAll(/[\u007f-\uffff]/g, (unit) => everyUnit(unit).toUpperCase().replace('U', 'u'));
const html = (text: string): string =>
  text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;');
const numeric = (text: string): string =>
  Array.from(text, (character) => `&#x${hex(character.codePointAt(0), 1)};`).join('');
const lowerPercent = (text: string): string =>
  encodeURIComponent(text).replaceAll(/%../g, (escaped) => escaped.toLowerCase());
const everyByte = (text: string): string => [...Buffer.from(text)].map((byte) => `%${hex(byte, 2)}`).join('');
const form = (text: string): string => new URLSearchParams({ a: text }).toString().slice(2);

const notations: [name: string, write: (text: string) => string][] = [
  ['as it is', (text) => text],
  ['in JSON', json],
  ['in JSON of ASCII with escaped slashes', ascii],
  ['in JSON, each unit escaped', everyUnit],
  ['in JSON within JSON', (text) => json(json(text))],
  ['in JSON of ASCII within the same', (text) => ascii(ascii(text))],
  ['in program text', (text) => `'${text.replaceAll("'", "\\'").replaceAll('/', '\\x2f')}'`],
  ['in a URL', encodeURIComponent],
  ['in a URL in lower case', lowerPercent],
  ['in a URL, each byte escaped', everyByte],
  ['in a URL twice', (text) => encodeURIComponent(encodeURIComponent(text))],
  ['in a form', form],
  ['in a URL within JSON', (text) => ascii(`https://a.example/?q=${encodeURIComponent(text)}`)],
  ['in HTML', html],
  ['in HTML, each character escaped', numeric],
  ['in JSON within HTML', (text) => html(json(text))],
];

describe('a secret', () => {
  it.each(notations)('that is repeated %s is taken out', (_, write) => {
    const masked = maskSecrets(`before ${write(secret)} after`, ['other', secret]);
    expect(masked).toMatch(/^before \S*\[secret\]\S* after$/);
    expect(masked.length).toBeLessThan(60);
  });

  it.each(notations.filter(([name]) => !name.includes('within') && !name.includes('program')))(
    'that is cut off %s is taken out, and where nothing was cut off it is left',
    (_, write) => {
      const cut = `before ${write(secret.slice(0, 9))}`.replace(/"$/, '');
      expect(maskSecrets(cut, [secret], { isCutOff: true })).toMatch(/^before "?\[secret\]$/);
      expect(maskSecrets(cut, [secret])).toBe(cut);
    },
  );

  it('leaves the end of a text alone where it is no beginning, or too short to tell', () => {
    for (const end of ['tok', 'kens', 'tokens'])
      expect(maskSecrets(`before ${end}`, ['token-1234'], { isCutOff: true })).toBe(`before ${end}`);
  });

  it('that is an ordinary token is taken out of an ordinary echo', () => {
    const token = 'ab+c/d==';
    const echo = `{"headers":{"authorization":"Bearer ab+c\\/d=="},"url":"?token=ab%2Bc%2Fd%3D%3D&x=1","n":1}`;
    expect(maskSecrets(echo, [token])).toBe(
      '{"headers":{"authorization":"Bearer [secret]"},"url":"?token=[secret]&x=1","n":1}',
    );
  });

  it('is taken out wherever it is, and however others overlap it', () => {
    expect(maskSecrets('abc abcd bcd', ['abc', 'bcd'])).toBe('[secret] [secret] [secret]');
    expect(maskSecrets('xx', ['x', ''])).toBe('[secret][secret]');
  });

  it('is gone from any text, in whichever notations it is there', () => {
    const writes = constantFrom(...notations.map(([, write]) => write));
    const token = string({
      minLength: 12,
      maxLength: 40,
      unit: constantFrom(...Array.from(`Aa0/+="'&<>%ö \u{1F600}`)),
    });
    assert(
      property(token, array(tuple(string(), writes), { minLength: 1, maxLength: 4 }), (text, parts) => {
        // So that none is part of another, nor of what is between.
        const own = `<${text}>`;
        const echo = parts.map(([between, write]) => between + write(own)).join(' | ');
        const masked = maskSecrets(echo, [own]);
        for (const [, write] of notations) expect(masked).not.toContain(write(own));
        expect(masked.split('[secret]')).toHaveLength(parts.length + 1);
      }),
      { numRuns: 300 },
    );
  });

  it.each(['no secret', '100%', '%zz %ff', '&nosuch; &#99999999;', '\\q \\u12', ''])(
    'that is not in %j changes nothing',
    (text) => {
      expect(maskSecrets(text, [secret])).toBe(text);
    },
  );

  it('takes no time that grows faster than the text', () => {
    const parts = ['\\', '%25', '&amp;', '\\u005c', '+%2b'];
    const secrets = ['\\'.repeat(1_024), '%'.repeat(1_024), `${'+'.repeat(1_000)}a`];
    const startedAt = performance.now();
    for (const part of parts) maskSecrets(part.repeat(16_384).slice(0, 16_384), secrets);
    expect(performance.now() - startedAt).toBeLessThan(2_000);
  });

  it('nor faster than the secret is long, however alike they are', () => {
    const text = 'a'.repeat(262_144);
    const timed = (length: number) => {
      const almost = `${'a'.repeat(length)}b${'a'.repeat(length)}`;
      const startedAt = performance.now();
      for (let n = 0; n < 4; n += 1)
        expect(maskSecrets(text, [almost], { isCutOff: true })).toMatch(/a\[secret\]$/);
      return performance.now() - startedAt;
    };
    timed(8);
    // Letter by letter it would take a hundred times as long.
    expect(timed(2_048)).toBeLessThan(20 * timed(8));
  });

  it('overlap, and nothing of either stays', () => {
    expect(maskSecrets('xabababy', ['abab'])).toBe('x[secret]y');
    expect(maskSecrets('xabcdefy', ['abcd', 'cdef'])).toBe('x[secret]y');
  });
});
