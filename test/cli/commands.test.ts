import { describe, expect, it } from 'vitest';
import { groupsOf } from '../../cli/commands.ts';
import { towercast } from './fake-api.ts';
import { sampleDocument } from './sample-document.ts';

const groups = groupsOf(sampleDocument);

describe('commands are made from the document', () => {
  it('one for each operation that speaks JSON, by tag, under its verb', () => {
    expect(groups.map(({ name, commands }) => [name, commands.map((command) => command.name)])).toEqual([
      ['endpoints', ['list', 'create', 'get', 'update', 'delete', 'get-health', 'rotate-secret']],
      ['deliveries', ['list', 'get']],
    ]);
  });

  it('path parameters are positional, queries, headers and body fields are flags of their type', () => {
    const [endpoints] = groups;
    const [list, create, get] = endpoints?.commands ?? [];
    expect(get?.positionals).toEqual(['endpointId']);
    expect(list?.flags.map(({ name, in: place, kind }) => [name, place, kind])).toEqual([
      ['limit', 'query', 'integer'],
      ['partner-id', 'query', 'string'],
    ]);
    expect(create?.flags.map(({ name, in: place, kind, required }) => [name, place, kind, required])).toEqual(
      [
        ['idempotency-key', 'header', 'string', false],
        ['url', 'body', 'string', true],
        ['contract', 'body', 'string', false],
        ['locker', 'body', 'integer', false],
        ['active', 'body', 'boolean', false],
        ['tower-ids', 'body', 'list', false],
        ['filter', 'body', 'json', false],
      ],
    );
  });
});

describe('help', () => {
  it('is there at every level, and needs neither API nor credentials', async () => {
    for (const line of [
      '',
      '--help',
      'endpoints',
      'endpoints --help',
      'endpoints create --help',
      'login -h',
    ]) {
      const { code, note, out } = await towercast(line);
      expect({ code, note }).toEqual({ code: 0, note: '' });
      expect(out).toContain('npm run towercast');
    }
  });

  it('names every group with what it is for, and every command with its summary', async () => {
    expect((await towercast('--help')).out).toContain('endpoints   Where webhooks go');
    expect((await towercast('endpoints --help')).out).toContain(
      'get-health ENDPOINT-ID     What getEndpointHealth does',
    );
  });

  it('shows what a flag takes, and the document’s example ready for a shell', async () => {
    const { out } = await towercast('endpoints create --help');
    expect(out).toContain('--url TEXT                       (required) Where to');
    expect(out).toContain('--contract standard|locker-open');
    expect(out).toContain('--[no-]active');
    expect(out).toContain(
      'endpoints create --url \'https://partner.example/it’s\' --tower-ids t1 --tower-ids t2 --filter \'{"types":["a"]}\'',
    );
  });
});
