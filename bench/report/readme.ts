import { carriers } from '../measure/function-figures.ts';

/** What README.md shows of docs/performance.md: which figure comes from which cell. */

/** A row of README.md: its first cell names it, its last cells are figures. */
export interface ReadmeRow {
  readonly label: string;
  /** Those whose sections the figures are from. */
  readonly scenarios: readonly string[];
  readonly figures: readonly string[];
}

const row = (label: string, scenario: string, ...figures: string[]): ReadmeRow => ({
  label,
  scenarios: [scenario],
  figures,
});

/** One figure of several scenarios. */
const rowOf = (
  scenarios: readonly string[],
  label: string,
  figure: (names: readonly string[]) => string,
): ReadmeRow => ({ label, scenarios, figures: [figure(scenarios)] });

/** Columns of README.md's tables by function. */
const allFunctions = [...carriers, 'DeadLetterFunction', 'TimersFunction', 'ApiFunction'];

/** Throws for a figure that the document lacks. */
export function readmeRows(document: string): ReadmeRow[] {
  const cell = (scenario: string, label: string, column: string) =>
    cellOf(sectionOf(document, scenario), scenario, label, column);
  const measured = (scenario: string, check: string) => cell(scenario, `${scenario}: ${check}`, 'measured');
  const all = (names: readonly string[], check: string): number =>
    names.reduce((total, name) => total + Number(measured(name, check)), 0);
  const functions = (label: string, names: readonly string[], column: string): ReadmeRow =>
    row(label, 'steady', ...names.map((name) => cell('steady', name, column)));
  const latency = ['p50', 'p95', 'p99'].map((column) => cell('steady', 'healthy', column));
  const beside = ['refuses connections', 'swallows packets'].map((how) =>
    ratio(
      measured(
        'isolation',
        `healthy p99 with a dead endpoint that ${how} and a slow one, against without, median of the rounds`,
      ),
    ),
  );
  const apart = (scenario: string) =>
    measured(scenario, 'CPU of an event against the smallest size, at most').replace(' % apart', '');
  const units = (label: string) => cell('bill', label, 'quantity').replace(' M', '');
  return [
    row('`npm start` ready', 'steady', `${cell('steady', '`npm start` ready', 's')} s`),
    row(
      'events a second, from publish to the last receipt',
      'burst',
      measured('burst', 'events a second, published to last receipt'),
    ),
    row(
      'latency from publish to receipt at 50 events a second: p50 / p95 / p99',
      'steady',
      `${latency.join(' / ')} ms`,
    ),
    row(
      'p99 of fifty healthy endpoints beside a dead and a 10-second one, against without',
      'isolation',
      `${[...new Set(beside)].sort().join(' to ')} ×`,
    ),
    rowOf(['steady', 'burst'], 'lost / duplicated', (names) =>
      [all(names, 'lost'), all(names, 'duplicated')].join(' / '),
    ),
    rowOf(
      ['kills', 'ordered'],
      'lost / out of order at ordered endpoints, a function killed every second',
      (names) => [all(names, 'lost'), all(names, 'out of order')].join(' / '),
    ),
    row(
      'AWS bill for a million events, Basic Ingest',
      'bill',
      measured('bill', 'a million events, Basic Ingest, two endpoints each'),
    ),
    row(
      'CPU of a delivered event, against the version before',
      'cpu',
      `${ratio(checkBeginning(document, 'cpu', "cpu: an event's CPU against "))} ×`,
    ),
    rowOf(
      ['towers', 'endpoints'],
      'CPU of an event with 10,000 towers against 10 / with 1,000 endpoints against 10',
      (names) => `${names.map(apart).join(' / ')} %`,
    ),
    row('idle memory of all processes', 'steady', `${cell('steady', 'all processes together', 'MB')} MB`),
    row(
      'write / read units of an event',
      'bill',
      `${units('DynamoDB: writes')} / ${units('DynamoDB: reads')}`,
    ),
    functions('CPU, ms', [...carriers, 'together'], 'CPU ms'),
    functions('AWS requests', [...carriers, 'together'], 'AWS requests'),
    functions('bundle, kB (aim 450)', allFunctions, 'kB'),
    functions('import, ms (aim 100)', allFunctions, 'import ms'),
  ];
}

/** Puts figures into the last cells of the rows that are theirs. Throws where there is no such row. */
export const withRows = (readme: string, rows: readonly ReadmeRow[]): string =>
  rows.reduce((text, { label, figures }) => {
    const lines = text.split('\n');
    const index = lines.findIndex((line) => cellsOf(line)?.[0] === label);
    const cells = cellsOf(lines[index] ?? '');
    if (cells === null) throw new Error(`README.md has no row "${label}"`);
    const changed = [...cells.slice(0, cells.length - figures.length), ...figures];
    return lines.with(index, `| ${changed.join(' | ')} |`).join('\n');
  }, readme);

/** Of a row of a Markdown table; null for any other line. */
export const cellsOf = (line: string): string[] | null =>
  /^\|.*\|$/.test(line.trim())
    ? line
        .trim()
        .slice(1, -1)
        .split('|')
        .map((cell) => cell.trim())
    : null;

/** What `npm run bench -- --docs` wrote about a scenario. */
export function sectionOf(document: string, scenario: string): string {
  const text = new RegExp(`<!-- bench:${scenario} -->(?<text>.*?)<!-- /bench:${scenario} -->`, 's').exec(
    document,
  )?.groups?.['text'];
  if (text === undefined) throw new Error(`docs/performance.md has no section ${scenario}`);
  return text;
}

/** Of the first table that has both. */
function cellOf(section: string, scenario: string, label: string, column: string): string {
  let header: readonly string[] = [];
  for (const line of section.split('\n')) {
    const cells = cellsOf(line);
    if (cells === null) header = [];
    else if (header.length === 0) header = cells;
    else if (cells[0] === label && header.includes(column)) return cells[header.indexOf(column)] ?? '';
  }
  throw new Error(`the section ${scenario} has no ${column} of "${label}"`);
}

/** For a check whose name goes on with what was compared. */
function checkBeginning(document: string, scenario: string, start: string): string {
  const row = sectionOf(document, scenario)
    .split('\n')
    .map((line) => cellsOf(line) ?? [])
    .find(([label = '']) => label.startsWith(start));
  if (row?.[1] === undefined) throw new Error(`the section ${scenario} has no check "${start}…"`);
  return row[1];
}

/** `0.61` of `0.61 × (0.73, …)`. */
const ratio = (measured: string): string => measured.split(' ')[0] ?? '';
