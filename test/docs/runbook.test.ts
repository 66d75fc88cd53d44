import { existsSync, globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { readCall } from '../../cli/arguments.ts';
import { groupsOf } from '../../cli/commands.ts';
import { readDocument } from '../../cli/document.ts';
import { failureReasons } from '../../functions/deliver/failure-reason.ts';
import { quarantineRecord } from '../../functions/fan-out/quarantine-record.ts';
import { endpointUnknown } from '../../functions/shared/delivery-record.ts';
import { quarantineKey } from '../../functions/shared/quarantine.ts';
import { documentedMetrics } from '../helpers/metrics.ts';

const root = path.resolve(import.meta.dirname, '../..');
const read = (file: string): string => readFileSync(path.join(root, file), 'utf8');
const runbook = read('docs/runbook.md');
const document = readDocument(read('docs/api/openapi.json'));

/** Words of a command line; one in quotes is one word. */
const wordsOf = (line: string): string[] =>
  [...line.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, bare]) => quoted ?? bare ?? '');

const used = [...runbook.replaceAll(/\\\n\s*/g, '').matchAll(/npm run towercast -- ([^`\n]+)/g)]
  // Which types an endpoint can be tried with depends on its contract.
  .map(([, line]) => line?.trim().replace('--type TYPE', '--type locker.opened') ?? '')
  .filter((line) => line !== 'login');

/** What is typed at the shell, with continued lines as one. */
const commands = [...runbook.matchAll(/```sh\n([^]*?)```/g)]
  .flatMap(([, block = '']) => block.replaceAll('\\\n', ' ').split('\n'))
  .map((line) => line.trim());

/** Names in backticks. */
const named = new Set([...runbook.matchAll(/`([^`\n]+)`/g)].map(([, name]) => name ?? ''));

const sourcesOf = (...folders: string[]): string =>
  folders
    .flatMap((folder) => globSync(`functions/${folder}/**/*.ts`, { cwd: root }))
    .map(read)
    .join('\n');

describe('what the runbook tells to type', () => {
  it.each(used)('the command line takes "%s"', (line) => {
    const [group, name, ...args] = wordsOf(line);
    const verb = name === 'show' ? 'get' : name;
    const command = groupsOf(document)
      .find((one) => one.name === group)
      ?.commands.find((one) => one.name === verb);
    if (command === undefined) throw new Error(`there is no command ${group} ${name}`);
    expect(() => readCall(document, command, args, () => '')).not.toThrow();
  });

  it('asks for what is missing by its name', () => {
    const test = groupsOf(document)
      .find(({ name }) => name === 'endpoints')
      ?.commands.find(({ name }) => name === 'test');
    if (test === undefined) throw new Error('there is no command endpoints test');
    expect(() => readCall(document, test, ['main'], () => '')).toThrow('--type is required');
    expect(() => readCall(document, test, ['main', '--type', 'x'], () => '')).toThrow(
      '--type: Invalid option',
    );
  });

  it('deploys no stage but the one that is meant', () => {
    const deploying = [...runbook.matchAll(/cdk deploy[^`]*/g)].map(([line]) => line);
    expect(deploying.length).toBeGreaterThan(0);
    for (const line of deploying) expect(line).toContain('-c stage=STAGE');
  });

  it('sends a window of events only where it says which', () => {
    const sent = used.filter(
      (line) => line.startsWith('redrives create') && line.includes('--source events'),
    );
    expect(sent.length).toBeGreaterThan(1);
    for (const line of sent) expect(line).toMatch(/--since \S+ --until \S+/);
  });

  it('is much', () => {
    expect(used.length).toBeGreaterThan(8);
    expect(commands.filter((line) => line.startsWith('aws ')).length).toBeGreaterThan(8);
  });

  it('invokes functions by name, with a payload that the second version of the AWS CLI takes as it is', () => {
    const invoking = commands.filter((line) => line.includes('lambda invoke '));
    expect(invoking.length).toBeGreaterThan(2);
    for (const line of invoking)
      expect(line).toMatch(
        /^aws lambda invoke --function-name [A-Z-]+ --cli-binary-format raw-in-base64-out --payload file:\/\/payload\.json answer\.json$/,
      );
  });
});

describe('what fan-out could not read', () => {
  const entry = (/^### fan-out-unreadable$([^]*?)^##/m.exec(runbook)?.[1] ?? '').split('**Do.**')[1] ?? '';

  it('of endpoints is sent again by a redrive of their events: nothing is on record of it', () => {
    expect(entry).toMatch(/redrives create --endpoint-id .* --source events --since .* --until/);
  });

  it('of events is looked for on every shard of quarantine, by its reason', () => {
    const told = /for shard in ([\d ]+); do/.exec(entry)?.[1]?.split(' ') ?? [];
    const partition = /"(quarantine#2026-03-20#)'\$shard'"/.exec(entry)?.[1] ?? '';
    const partitions = Array.from({ length: 500 }, (_, id) =>
      quarantineRecord(
        {
          dynamodb: {
            Keys: { pk: { S: 'subject' }, sk: { S: String(id) } },
            ApproximateCreationDateTime: Date.parse('2026-03-20T09:15:00.000Z') / 1_000,
          },
        },
        'unknown',
      ),
    );
    expect(new Set(partitions.map((record) => quarantineKey(record).pk))).toEqual(
      new Set(told.map((shard) => `${partition}${shard}`)),
    );
    expect(entry).toContain(`":reason":{"S":"${partitions[0]?.reason}"}`);
  });
});

/** As GitHub makes anchors of headings. */
const hasAnchor = (file: string, anchor: string): boolean =>
  [...read(file).matchAll(/^#+ (.+)$/gm)].some(
    ([, heading = '']) =>
      `#${heading
        .toLowerCase()
        .replaceAll(/[^\w -]/g, '')
        .replaceAll(' ', '-')}` === anchor,
  );

describe('what the runbook points at', () => {
  it('is there: files and their sections', () => {
    const links = ['docs/runbook.md', 'docs/metrics.md'].flatMap((file) =>
      Array.from(read(file).matchAll(/\]\(([^)#\s]*)(#[^)]+)?\)/g), ([link, target = '', anchor = '']) => {
        const pointed = target === '' ? file : path.join('docs', target);
        const isThere = existsSync(path.join(root, pointed)) && (anchor === '' || hasAnchor(pointed, anchor));
        return { file, link, isThere };
      }),
    );
    expect(links.length).toBeGreaterThan(15);
    expect(links.filter(({ isThere }) => !isThere)).toEqual([]);
  });

  it('is logged: the messages of lines that it tells to look for', () => {
    const told = [...runbook.matchAll(/[Ll]ines? ((?:`[a-z ]+`(?:, | and | or )?)+)/g)].flatMap(
      ([, list = '']) => [...list.matchAll(/`([a-z ]+)`/g)].map(([, message]) => message ?? ''),
    );
    expect(told.length).toBeGreaterThan(10);
    const sources = sourcesOf('*');
    expect(told.filter((message) => !sources.includes(`'${message}'`))).toEqual([]);
  });

  it('is counted: every metric of ours', () => {
    const ours = new Set(documentedMetrics().map(({ name }) => name));
    // Of AWS, or the name of a resource: test/lib/runbook.test.ts.
    const counted = [...named].filter((name) =>
      /^(Attempts|Backlog|Breakers?|Deliveries|Downlink|Entities|Events|Endpoints|First|Gaps|Lanes?|Messages|Oldest|Redrives|Tasks|Tests)[A-Z]\w+$/.test(
        name,
      ),
    );
    expect(counted.length).toBeGreaterThan(8);
    expect(counted.filter((name) => !ours.has(name) && !/Table(Name)?$/.test(name))).toEqual([]);
  });
});

describe('docs/metrics.md', () => {
  it('has every metric that the code names', () => {
    const ours = new Set(documentedMetrics().map(({ name }) => name));
    const inCode = [
      ...sourcesOf('*').matchAll(/\b(?:addMetric|add|count)\(\s*'([A-Z]\w+)'/g),
      // By what became of something.
      ...sourcesOf('deliver', 'dead-letter', 'timers').matchAll(/\w+: '([A-Z][a-z]+[A-Z]\w+)'/g),
    ].map(([, name]) => name ?? '');
    expect(new Set(inCode).size).toBeGreaterThan(40);
    expect(inCode.filter((name) => !ours.has(name))).toEqual([]);
  });

  it('has none that no function names', () => {
    const shared = sourcesOf('shared');
    const unknown = documentedMetrics().filter(
      ({ name, service }) => !`${sourcesOf(service)}${shared}`.includes(`'${name}'`),
    );
    expect(unknown).toEqual([]);
  });
});

describe('the reason codes', () => {
  const rows = (/^## Reason codes$([^]*)/m.exec(runbook)?.[1] ?? '').matchAll(/^\| `(\w+)` /gm);
  const explained = Array.from(rows, ([, code]) => code ?? '');

  const sources = sourcesOf('deliver', 'dead-letter', 'timers', 'shared');
  const inCode = [
    // But for types.
    /\breason: '(\w+)'(?! \|)/g,
    /\breason: [^'\n]*'delivered' \? '(\w+)'/g,
    /\bpark\([^)'\n]*'(\w+)'/g,
    /\bwaitingFor\([^)'\n]*'(\w+)'/g,
    /\? '(redirect)'/g,
  ].flatMap((pattern) => Array.from(sources.matchAll(pattern), ([, code]) => code ?? ''));
  /** Of messages of towers, and of what is in quarantine: docs/tower-protocol.md. */
  const ofQuarantine = new Set(['task_unreadable', 'event_unreadable']);
  const made = ['http_NNN', 'rate_limited', 'concurrency_limited', endpointUnknown];
  const isExplained = (code: string) => !ofQuarantine.has(code) && code !== 'http_410';

  it('are those that the code gives, each with what it means', () => {
    const given = new Set([...failureReasons, ...inCode, ...made].filter(isExplained));
    expect(explained.toSorted()).toEqual([...given].sort());
  });

  it('that are named by their beginning begin so', () => {
    const beginnings = [...named].filter((name) => /^[a-z]\w*…$/.test(name));
    expect(beginnings.length).toBeGreaterThan(1);
    expect(
      beginnings.filter((name) => !explained.some((code) => code.startsWith(name.slice(0, -1)))),
    ).toEqual([]);
  });

  it('that are made of parts are made so', () => {
    expect(sources).toContain('`http_${status}`');
    expect(sources).toContain('`${admission.limit}_limited`');
    expect(sourcesOf('domain')).toContain("type Limit = 'rate' | 'concurrency'");
  });
});
