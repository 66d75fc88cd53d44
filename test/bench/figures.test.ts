import { describe, expect, it } from 'vitest';
import { cpuPerEvent, figuresBetween, type Stats } from '../../bench/measure/function-figures.ts';
import { median, percentiles } from '../../bench/measure/percentiles.ts';
import { CpuAccount } from '../../bench/measure/process-cpu.ts';
import { parseBenchOptions } from '../../bench/options.ts';
import { attribute } from '../../bench/profile/attribution.ts';
import { withSection } from '../../bench/report/document.ts';
import { withRows } from '../../bench/report/readme.ts';
import { failureAsMarkdown, toMarkdown, toText } from '../../bench/report/table.ts';
import { inOrder, none, type ScenarioResult } from '../../bench/scenario.ts';

const stats = (count: number, requests: Record<string, number>): Stats[string] => ({
  invocations: count,
  errors: 0,
  replaced: 0,
  cpuMs: 10 * count,
  billedMs: 20 * count,
  memoryMb: 512,
  logLines: count,
  logBytes: 100 * count,
  requests,
  httpRequests: 0,
});

const frame = (functionName: string, url: string) => ({
  functionName,
  url,
  lineNumber: 0,
  columnNumber: 0,
});

describe('percentiles', () => {
  it('are of the nearest rank', () => {
    const values = Array.from({ length: 100 }, (_, index) => 100 - index);
    expect(percentiles(values)).toEqual({ p50: 50, p95: 95, p99: 99, max: 100 });
    expect(percentiles([7])).toEqual({ p50: 7, p95: 7, p99: 7, max: 7 });
    expect(percentiles([])).toEqual({ p50: 0, p95: 0, p99: 0, max: 0 });
  });
});

const worker = (pid: number, logicalId: string, cpuMs: number, startedAt = 1) => ({
  pid,
  logicalId,
  cpuMs,
  startedAt,
  parent: 1,
});

describe('CPU from a first look on', () => {
  it('is that of the processes that are there, and of those that came from their start', () => {
    const account = new CpuAccount([worker(11, 'A', 500), worker(13, 'B', 10)]);
    account.look([worker(11, 'A', 540), worker(13, 'B', 30), worker(14, 'B', 5)]);
    expect(account.byFunction()).toEqual({ A: 40, B: 25 });
    expect(account.ended).toBe(0);
  });

  it('counts what a process took until it ended, also one that came and went', () => {
    const account = new CpuAccount([worker(11, 'A', 500), worker(12, 'A', 300)]);
    account.look([worker(11, 'A', 510), worker(12, 'A', 320), worker(15, 'A', 7)]);
    account.look([worker(11, 'A', 540)]);
    expect(account.byFunction()).toEqual({ A: 40 + 20 + 7 });
    expect(account.ended).toBe(2);
  });

  it('takes nothing away when another process gets the id of one that ended', () => {
    const account = new CpuAccount([worker(11, 'A', 500)]);
    account.look([worker(11, 'A', 20, 99)]);
    expect(account.byFunction()).toEqual({ A: 20 });
  });
});

describe('the checks of order', () => {
  it.each(['outOfOrder', 'badSequences', 'unsequenced'] as const)('fail on %s', (what) => {
    const account = { lanes: 2, outOfOrder: 0, badSequences: 0, unsequenced: 0 };
    expect(inOrder('flush', account).every(({ holds }) => holds)).toBe(true);
    expect(inOrder('flush', { ...account, [what]: 1 }).filter(({ holds }) => !holds)).toHaveLength(1);
  });
});

describe('a median', () => {
  it('is the middle one, or what lies between the two', () => {
    expect([median([3]), median([9, 1, 2]), median([4, 1, 2, 9])]).toEqual([3, 2, 3]);
    expect(median([])).toBeNaN();
  });
});

describe('figures of functions', () => {
  it('are what happened between two looks', () => {
    const before = { A: stats(1, { 'SQS.SendMessage': 1 }) };
    const after = { A: stats(3, { 'SQS.SendMessage': 1, 'DynamoDB.PutItem': 4 }), B: stats(0, {}) };
    const figures = figuresBetween(before, after);
    expect(figures['A']).toMatchObject({ invocations: 2, cpuMs: 20, billedMs: 40, logBytes: 200 });
    expect(figures['A']?.requests).toEqual({ 'DynamoDB.PutItem': 4 });
    expect(cpuPerEvent(figures, 10)).toEqual({ A: 2, together: 2 });
  });
});

describe('options', () => {
  const known = ['steady', 'bill'];

  it('take scenarios one by one or in one', () => {
    expect(parseBenchOptions(['--scenario', 'steady,bill', '--quick'], known)).toMatchObject({
      scenarios: ['steady', 'bill'],
      quick: true,
    });
    expect(parseBenchOptions([], known)).toMatchObject({ scenarios: [], quick: false, docs: false });
  });

  it('refuse a scenario that there is not', () => {
    expect(() => parseBenchOptions(['--scenario', 'none'], known)).toThrow('must be one of steady, bill');
  });
});

describe('a profile', () => {
  it('gives each sample the time before it, and leaves out what was idle', () => {
    const nodes = [
      { id: 1, callFrame: frame('(root)', ''), children: [2, 3] },
      { id: 2, callFrame: frame('(idle)', ''), children: [] },
      { id: 3, callFrame: frame('parse', 'node_modules/zod/v4/core/parse.js'), children: [] },
    ];
    const profile = { nodes, samples: [2, 3, 3], timeDeltas: [0, 5_000, 2_000, 3_000] };
    const made = attribute(profile, ({ functionName, url }) => ({
      module: url === '' ? functionName : url,
      name: functionName,
    }));
    expect(made.busyMs).toBe(5);
    expect(made.byKind).toEqual([{ name: 'zod', ms: 5 }]);
    expect(made.byFunction).toEqual([{ name: 'parse in node_modules/zod/v4/core/parse.js', ms: 5 }]);
  });
});

describe('a result', () => {
  const result: ScenarioResult = {
    figures: {},
    checks: [none('lost', 0), none('duplicated', 2)],
    sections: [{ title: 'Latency', header: ['', 'p99'], rows: [['one', '12']] }],
  };

  it('shows on a terminal what holds and what does not', () => {
    expect(toText(result)).toContain('✓ lost');
    expect(toText(result)).toContain('✗ duplicated');
  });

  const provenance = { name: 'steady', describes: 'as ever', revision: 'abc1234', day: '2026-03-20' };

  it('that there is none is told in the documentation, too', () => {
    expect(failureAsMarkdown(provenance)).toBe(
      '## steady\n\nas ever. Measured on 2026-03-20 at abc1234.\n\nIt did not come to an end.',
    );
  });

  it('is Markdown for the documentation', () => {
    expect(toMarkdown(provenance, result)).toBe(
      [
        '## steady',
        '',
        'as ever. Measured on 2026-03-20 at abc1234.',
        '',
        '**Latency**',
        '',
        '|  | p99 |',
        '| --- | --- |',
        '| one | 12 |',
        '',
        '|  | measured | aim | holds |',
        '| --- | --- | --- | --- |',
        '| lost | 0 | 0 | yes |',
        '| duplicated | 2 | 0 | NO |',
      ].join('\n'),
    );
  });
});

describe('the page of figures', () => {
  it("has each scenario's between its marks, and keeps the others'", () => {
    const first = withSection(withSection('# Performance\n', 'steady', 'one'), 'burst', 'two');
    const second = withSection(first, 'steady', 'three');
    expect(second).toBe(
      '# Performance\n\n<!-- bench:steady -->\n\nthree\n\n<!-- /bench:steady -->\n\n<!-- bench:burst -->\n\ntwo\n\n<!-- /bench:burst -->\n',
    );
  });
});

describe("README.md's tables", () => {
  const readme =
    '# Towercast\n\n|  | aim | measured |\n| --- | --- | --- |\n| lost | 0 | 3 |\n| bill | $7.50 | $9 |\n';

  it('get figures into the last cells of their rows, and keep what is by hand', () => {
    expect(withRows(readme, [{ label: 'bill', scenarios: ['bill'], figures: ['$7.13'] }])).toBe(
      readme.replace('$9', '$7.13'),
    );
  });

  it('must have a row for each figure', () => {
    const row = { label: 'idle', scenarios: ['steady'], figures: ['1'] };
    expect(() => withRows(readme, [row])).toThrow('README.md has no row "idle"');
  });
});
