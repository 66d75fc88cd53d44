import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { readCall } from '../../cli/arguments.ts';
import { groupsOf } from '../../cli/commands.ts';
import { readDocument } from '../../cli/document.ts';

const root = path.resolve(import.meta.dirname, '../..');
const runbook = readFileSync(path.join(root, 'docs/runbook.md'), 'utf8');
const document = readDocument(readFileSync(path.join(root, 'docs/api/openapi.json'), 'utf8'));

/** Words of a command line; one in quotes is one word. */
const wordsOf = (line: string): string[] =>
  [...line.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, bare]) => quoted ?? bare ?? '');

const used = [...runbook.matchAll(/npm run towercast -- ([^`\n]+)/g)]
  .map(([, line]) => line?.trim() ?? '')
  .filter((line) => line !== 'login');

it.each(used)('the command line takes "%s"', (line) => {
  const [group, name, ...args] = wordsOf(line);
  const verb = name === 'show' ? 'get' : name;
  const command = groupsOf(document)
    .find((one) => one.name === group)
    ?.commands.find((one) => one.name === verb);
  if (command === undefined) throw new Error(`there is no command ${group} ${name}`);
  expect(() => readCall(document, command, args, () => '')).not.toThrow();
});

it('the runbook is a list of what to type', () => {
  expect(used.length).toBeGreaterThan(8);
});
