import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';

const root = path.resolve(import.meta.dirname, '../..');
const text = readFileSync(path.join(root, 'docs/faults.md'), 'utf8');

/** Rows of the two tables: name, and the tests that the last column names. */
const rows = text.split('\n').flatMap((line) => {
  const cells = line.split('|').map((cell) => cell.trim());
  const [, name = '', , , tests = ''] = cells;
  if (!/^[TF]\d+$/.test(name)) return [];
  return [{ name, tests: [...tests.matchAll(/`(test\/[^`]+)`/g)].flatMap(([, file]) => file ?? []) }];
});

const numbered = (letter: string, count: number): string[] =>
  Array.from({ length: count }, (_, index) => `${letter}${index + 1}`);

describe('docs/faults.md', () => {
  it('has a row for each trap and each fault', () => {
    expect(rows.map(({ name }) => name)).toEqual([...numbered('T', 10), ...numbered('F', 13)]);
  });

  it.each(rows)('$name names tests that exist', ({ tests }) => {
    expect(tests).not.toEqual([]);
    expect(tests.filter((file) => !existsSync(path.join(root, file)))).toEqual([]);
  });
});
