import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';

const root = path.resolve(import.meta.dirname, '../..');
const text = readFileSync(path.join(root, 'docs/faults.md'), 'utf8');

/** The files in a cell, each with what it says of the titles of their tests. */
const testsIn = (cell: string) =>
  [...cell.matchAll(/`(test\/[^`]+)`([^`]*)/g)].map(([, file = '', said = '']) => ({
    file,
    titles: [...said.matchAll(/“([^”]+)”/g)].flatMap(([, title]) => title ?? []),
  }));

/** Rows of the two tables: name, and the tests that the last column names. */
const rows = text.split('\n').flatMap((line) => {
  const cells = line.split('|').map((cell) => cell.trim());
  const [, name = '', , , tests = ''] = cells;
  if (!/^[TF]\d+$/.test(name)) return [];
  return [{ name, tests: testsIn(tests) }];
});

/** What stands in quotes, outside of comments: titles, and the names of what `it.each` goes through. */
const quotedIn = (source: string): string[] =>
  source
    .split('\n')
    .filter((line) => !/^\s*(\/\/|\/?\*)/.test(line))
    .flatMap((line) =>
      [...line.matchAll(/'([^']+)'|`([^`]+)`/g)].map(([, single, template]) => single ?? template ?? ''),
    );

const numbered = (letter: string, count: number): string[] =>
  Array.from({ length: count }, (_, index) => `${letter}${index + 1}`);

describe('docs/faults.md', () => {
  it('has a row for each trap and each fault', () => {
    expect(rows.map(({ name }) => name)).toEqual([...numbered('T', 10), ...numbered('F', 13)]);
  });

  it.each(rows)('$name names tests that exist', ({ tests }) => {
    expect(tests).not.toEqual([]);
    expect(tests.filter(({ file }) => !existsSync(path.join(root, file)))).toEqual([]);
  });

  it.each(rows)('$name names them by titles that they have', ({ tests }) => {
    // What the suite of faults consists of is made from its boundaries.
    const named = tests.filter(({ file }) => !file.startsWith('test/faults/'));
    expect(named.filter(({ titles }) => titles.length === 0)).toEqual([]);
    const missing = named.flatMap(({ file, titles }) => {
      const quoted = quotedIn(readFileSync(path.join(root, file), 'utf8'));
      return titles.filter((title) => !quoted.some((text) => text.includes(title)));
    });
    expect(missing).toEqual([]);
  });
});
