import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { format } from 'prettier';
import { readmeRows, withRows } from './readme.ts';

const root = path.resolve(import.meta.dirname, '../..');
const file = path.join(root, 'docs/performance.md');
const readme = path.join(root, 'README.md');

const marks = (name: string) => ({ start: `<!-- bench:${name} -->`, end: `<!-- /bench:${name} -->` });

/** Puts a scenario's figures between its marks, or with new marks at the end. */
export function withSection(document: string, name: string, section: string): string {
  const { start, end } = marks(name);
  const block = `${start}\n\n${section}\n\n${end}`;
  const [from, to] = [document.indexOf(start), document.indexOf(end)];
  if (from === -1 || to === -1) return `${document.trimEnd()}\n\n${block}\n`;
  return document.slice(0, from) + block + document.slice(to + end.length);
}

/** Writes figures into docs/performance.md. Scenarios that did not run keep what they had. */
export async function writeDocument(sections: ReadonlyMap<string, string>): Promise<void> {
  const document = [...sections].reduce(
    (text, [name, section]) => withSection(text, name, section),
    readFileSync(file, 'utf8'),
  );
  await writeMarkdown(file, document);
}

/** What README.md shows of the document as it is now. Throws when a scenario's figures are missing. */
export async function writeReadme(): Promise<void> {
  try {
    const rows = readmeRows(readFileSync(file, 'utf8'));
    await writeMarkdown(readme, withRows(readFileSync(readme, 'utf8'), rows));
  } catch (cause) {
    throw new Error(`README.md keeps its figures: ${cause instanceof Error ? cause.message : ''}`, { cause });
  }
}

async function writeMarkdown(to: string, text: string): Promise<void> {
  writeFileSync(to, await format(text, { parser: 'markdown', printWidth: 110, singleQuote: true }));
}
