import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { cellsOf, readmeRows, sectionOf } from '../../bench/report/readme.ts';
import { scenarios } from '../../bench/scenarios/index.ts';

const root = path.resolve(import.meta.dirname, '../..');
const readme = readFileSync(path.join(root, 'README.md'), 'utf8');
const document = readFileSync(path.join(root, 'docs/performance.md'), 'utf8');

const rowOf = (label: string) =>
  readme
    .split('\n')
    .map((line) => cellsOf(line) ?? [])
    .find((cells) => cells[0] === label) ?? [];

/** First line of the table that has the row. */
const headOf = (label: string): string => {
  const table = readme.split('\n\n').find((block) => block.includes(`| ${label} `)) ?? '';
  return table.split('\n')[0] ?? '';
};

describe('docs/performance.md', () => {
  const measured = scenarios.filter(({ onDemand }) => onDemand !== true).map(({ name }) => name);

  describe.each(measured)('on %s', (name) => {
    const section = () => sectionOf(document, name);

    it('has what this version of the scenario measures', () => {
      const describes = scenarios.find((scenario) => scenario.name === name)?.describes ?? '';
      expect(section()).toContain(`${describes}. Measured on `);
      expect(section()).not.toContain('did not come to an end');
    });

    it('says of everything that must hold that it does', () => {
      const verdicts = section()
        .split('\n')
        .map((line) => cellsOf(line) ?? [])
        .filter((cells) => cells.length === 4 && ['yes', 'NO'].includes(cells[3] ?? ''));
      expect(verdicts).not.toHaveLength(0);
      expect(verdicts.filter((cells) => cells[3] !== 'yes')).toEqual([]);
    });

    it('has no negative figure, and none that is no number', () => {
      expect([...section().matchAll(/(?<=[\s(|–$])[-−]\d\S*|\bNaN\b|\bInfinity\b/g)].map(String)).toEqual([]);
    });
  });
});

describe('README.md', () => {
  it('shows the figures of docs/performance.md, as they are there', () => {
    const rows = readmeRows(document);
    const shown = rows.map((row) => ({
      label: row.label,
      figures: rowOf(row.label).slice(-row.figures.length),
    }));
    expect(shown).toEqual(rows.map(({ label, figures }) => ({ label, figures })));
  });

  it('names the section that each figure is from, in its row or at the head of its table', () => {
    const unnamed = readmeRows(document).flatMap(({ label, scenarios: names }) => {
      const places = `${headOf(label)} ${rowOf(label).join(' ')}`;
      return names
        .filter((name) => !places.includes(`[${name}](docs/performance.md#${name})`))
        .map((name) => `${label}: ${name}`);
    });
    expect(unnamed).toEqual([]);
  });
});
