import { describe, expect, it } from 'vitest';
import { plain, plainJson, readable } from '../../cli/output.ts';
import { ProblemError } from '../../cli/request.ts';

/** Control, bidirectional, invisible, and what ends a line. */
const unprintable = Array.from(
  '\u0000\u0007\u001B\u007F\u0085\u009B' +
    '\u061C\u200E\u200F\u202A\u202B\u202C\u202D\u202E\u2066\u2067\u2068\u2069' +
    '\u00AD\u200B\u2060\uFEFF\u{E0001}\u{E0041}' +
    '\u2028\u2029\uD800',
);
const names = unprintable.map((character) => [
  `U+${character.codePointAt(0)?.toString(16).toUpperCase().padStart(4, '0')}`,
  character,
]);

describe.each(names)('%s in foreign text', (_, character) => {
  const text = `before${character}after`;

  it('is a question mark where people read', () => {
    expect(plain(text)).toBe('before?after');
    for (const body of [
      { items: [{ name: text }] },
      { name: text },
      { names: [text] },
      { deep: { name: text, more: 'x'.repeat(100) } },
      [text],
      text,
    ])
      expect(readable(body, 200)).not.toContain(character);
    const problem = { code: 'x', detail: text, errors: [{ pointer: '/body/a', detail: text }] };
    expect(new ProblemError(400, problem).message).not.toContain(character);
  });

  it('is escaped in JSON, which means the same', () => {
    const body = { name: text, deep: [{ text }] };
    for (const indent of [0, 2]) {
      const json = plainJson(body, indent);
      expect(json).not.toContain(character);
      expect(JSON.parse(json)).toEqual(body);
    }
  });
});

it('text of any language stays as it is, and so do lines', () => {
  const texts = [
    'Żółć, Ελλάδα, Київ',
    'שלום עולם',
    'مرحبا',
    'می\u200Cخواهم',
    'क्\u200Dष',
    '日本語',
    '👩\u200D👩\u200D👧 a\u0301',
  ];
  for (const text of texts) {
    expect(plain(text)).toBe(text);
    expect(plainJson(text)).toBe(JSON.stringify(text));
  }
  expect(readable('two\nlines', 80)).toBe('two\nlines');
  expect(readable([1, 2], 80)).toBe('[\n  1,\n  2\n]');
});
