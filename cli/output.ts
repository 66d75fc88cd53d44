import * as z from 'zod';

const ListSchema = z.object({
  items: z.array(z.record(z.string(), z.unknown())),
  nextCursor: z.string().nullish(),
});

export interface Page {
  items: Record<string, unknown>[];
  nextCursor: string | null;
}

/** The answer of a list operation; null when it is none. */
export function asPage(body: unknown): Page | null {
  const { data } = ListSchema.safeParse(body);
  return data === undefined ? null : { items: data.items, nextCursor: data.nextCursor ?? null };
}

/** What people read: a table of a list, a line per field of anything else. */
export function readable(body: unknown, columns: number): string {
  const page = asPage(body);
  if (page !== null) return page.items.length === 0 ? 'none' : table(page.items, columns);
  if (typeof body === 'object' && body !== null && !Array.isArray(body)) return fields(body);
  return typeof body === 'string' ? plainLines(body) : plainJson(body, 2);
}

const gap = '  ';

/** A column per field, as many as fit; what does not is counted in the last line. */
export function table(rows: readonly Record<string, unknown>[], columns: number): string {
  const filled = [...new Set(rows.flatMap((row) => Object.keys(row)))].filter((name) =>
    rows.some((row) => row[name] !== null && row[name] !== undefined),
  );
  const names = filled.filter((name) => rows.every((row) => isPlain(row[name])));
  const all = names.map((name) => {
    const cells = [heading(name), ...rows.map((row) => cell(name, row[name]))];
    return { name, cells, width: Math.max(...cells.map(({ length }) => length)) };
  });
  const shown = fitting(all, columns);
  const lines = [...rows, null].map((_, index) =>
    shown
      .map(({ cells, width }) => (cells[index] ?? '').padEnd(width))
      .join(gap)
      .trimEnd(),
  );
  const hidden = filled.filter((name) => !shown.some((column) => column.name === name));
  return [...lines, ...(hidden.length > 0 ? [`(--json also shows ${hidden.join(', ')})`] : [])].join('\n');
}

const isPlain = (value: unknown): boolean =>
  Array.isArray(value)
    ? value.every((item) => typeof item !== 'object') || asRanges(value) !== null
    : typeof value !== 'object' || value === null;

const RangesSchema = z.array(z.strictObject({ from: z.int(), to: z.int() })).min(1);
const rangesShown = 3;

/** `1040-1041,1050 and 2 more`, of what is missing of a tower's sequence; null for anything else. */
function asRanges(value: unknown): string | null {
  const { data } = RangesSchema.safeParse(value);
  if (data === undefined) return null;
  const shown = data.slice(0, rangesShown).map(({ from, to }) => (from === to ? `${from}` : `${from}-${to}`));
  return shown.join(',') + (data.length > rangesShown ? ` and ${data.length - rangesShown} more` : '');
}

/** The first column always; then each that still fits. The terminal breaks lines with ids that are longer than a cell. */
function fitting<T extends { width: number }>(all: readonly T[], columns: number): T[] {
  let used = 0;
  return all.filter(({ width }, index) => {
    const needed = Math.min(width, maxCell) + (index === 0 ? 0 : gap.length);
    if (index > 0 && used + needed > columns) return false;
    used += needed;
    return true;
  });
}

function fields(body: object): string {
  const entries = Object.entries(body).map(([name, value]) => [heading(name), detail(value)] as const);
  const width = Math.max(0, ...entries.map(([name]) => name.length));
  return entries
    .map(([name, value]) => {
      const [first = '', ...rest] = value.split('\n');
      return [
        `${name.padEnd(width)}${gap}${first}`,
        ...rest.map((line) => `${' '.repeat(width)}${gap}${line}`),
      ].join('\n');
    })
    .join('\n');
}

/** `endpointId` reads ENDPOINT ID. */
const heading = (name: string): string => name.replaceAll(/([a-z0-9])([A-Z])/g, '$1 $2').toUpperCase();

/**
 * What foreign text must not have on a terminal: control characters would move the cursor, bidirectional ones (U+202E) write
 * what follows backwards, invisible ones hide what is there, and lines end at U+2028, too. Only the two joiners are letters'
 * own.
 */
const unprintable = /[[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]--[\u200C\u200D]]/gv;

export const plain = (text: string): string => text.replaceAll(unprintable, '?');

const plainLines = (text: string): string => text.split('\n').map(plain).join('\n');

/** JSON that means the same, with all of those escaped. */
export const plainJson = (value: unknown, indent = 0): string =>
  JSON.stringify(value, null, indent).replaceAll(unprintable, (character) =>
    character === '\n' ? character : escaped(character),
  );

const escaped = (character: string): string =>
  Array.from(
    { length: character.length },
    (_, index) => `\\u${character.charCodeAt(index).toString(16).padStart(4, '0')}`,
  ).join('');

const maxCell = 60;

/** Ids are for the next command: one that is cut names nothing. */
const isId = (name: string): boolean => /(^id|Ids?)$/.test(name);

function cell(name: string, value: unknown): string {
  const text = plain(typeof value === 'string' ? value : scalar(value));
  return text.length > maxCell && !isId(name) ? `${text.slice(0, maxCell - 1)}…` : text;
}

function scalar(value: unknown): string {
  if (value === null || value === undefined) return '-';
  const ranges = asRanges(value);
  if (ranges !== null) return ranges;
  if (Array.isArray(value) && isPlain(value)) return value.join(',');
  return JSON.stringify(value);
}

function detail(value: unknown): string {
  if (typeof value === 'string') return plain(value);
  if (typeof value !== 'object' || value === null) return scalar(value);
  const compact = scalar(value);
  return compact.length <= 80 ? plain(compact) : plainJson(value, 2);
}
