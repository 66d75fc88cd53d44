import type { Row, ScenarioResult } from '../scenario.ts';

/** What a person reads on a terminal: one section after the other, columns aligned; then what must be so. */
export function toText({ sections, checks }: ScenarioResult): string {
  const tables = sections.map(({ title, header, rows }) => `${title}\n${align([header, ...rows])}`);
  const verdicts = checks.map(({ what, measured, aim, holds }): Row => [
    `${holds ? '✓' : '✗'} ${what}`,
    measured,
    `(${aim})`,
  ]);
  return [...tables, ...(verdicts.length > 0 ? [align(verdicts)] : [])].join('\n\n');
}

/** What was measured, and when. */
export interface Provenance {
  readonly name: string;
  readonly describes: string;
  /** Of the sources. */
  readonly revision: string;
  /** `2026-03-20` */
  readonly day: string;
}

const headOf = ({ name, describes, revision, day }: Provenance): string =>
  `## ${name}\n\n${describes}. Measured on ${day} at ${revision}.`;

/** For docs/performance.md, so that no older figures stand where a scenario fails. */
export const failureAsMarkdown = (provenance: Provenance): string =>
  `${headOf(provenance)}\n\nIt did not come to an end.`;

/** The same as Markdown, for docs/performance.md. */
export function toMarkdown(provenance: Provenance, { sections, checks }: ScenarioResult): string {
  const tables = sections.map(({ title, header, rows }) => `**${title}**\n\n${markdownTable(header, rows)}`);
  const verdicts = checks.map(({ what, measured, aim, holds }): Row => [
    what,
    measured,
    aim,
    holds ? 'yes' : 'NO',
  ]);
  return [
    headOf(provenance),
    ...tables,
    ...(verdicts.length > 0 ? [markdownTable(['', 'measured', 'aim', 'holds'], verdicts)] : []),
  ].join('\n\n');
}

const markdownTable = (header: Row, rows: readonly Row[]): string =>
  [header, header.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');

function align(rows: readonly Row[]): string {
  const widths = rows.reduce<number[]>(
    (widest, row) =>
      row.map((cell, index) => Math.max(cell.length, widest[index] ?? 0)).concat(widest.slice(row.length)),
    [],
  );
  return rows
    .map((row) =>
      row
        .map((cell, index) => (index === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[index] ?? 0)))
        .join('  '),
    )
    .map((line) => `  ${line}`.trimEnd())
    .join('\n');
}
