import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { loadStageConfig } from '../../lib/config.ts';
import { eventTypes } from '../../schemas/event.ts';
import { synthesize } from './synthesized.ts';

const stack = synthesize('prod');
const runbook = readFileSync(path.join(import.meta.dirname, '../../docs/runbook.md'), 'utf8');
const named = new Set([...runbook.matchAll(/`([^`\n]+)`/g)].map(([, name]) => name ?? ''));

it('every resource and output that the runbook names is one of the stack', () => {
  const known = new Set([...Object.keys(stack.resources), ...stack.outputs]);
  const resources = [...named].filter((name) =>
    /^[A-Z][a-zA-Z]+(Function|Queue|Dlq|Table|Bucket|Schedule|Mapping|Url|Name|Arn)$/.test(name),
  );
  expect(resources.length).toBeGreaterThan(15);
  expect(resources.filter((name) => !known.has(name))).toEqual([]);
  const described = [...runbook.matchAll(/--logical-resource-id (\w+)/g)].map(([, id]) => id ?? '');
  expect(described.filter((id) => !(id in stack.resources))).toEqual([]);
});

it('every setting that it names is one of the stage', () => {
  const config = JSON.stringify(loadStageConfig('prod'));
  const types: readonly string[] = eventTypes;
  const settings = [...named].filter(
    (name) => /^(api|delivery|fanOut|ingest|redrive|timers)\.\w+$/.test(name) && !types.includes(name),
  );
  expect(settings.length).toBeGreaterThan(6);
  for (const setting of settings) {
    const [section = '', name = ''] = setting.split('.');
    expect(config).toMatch(new RegExp(`"${section}":\\{[^]*"${name}":`));
  }
});

it('every metric of AWS that it names is one that somebody looks at, or that AWS documents', () => {
  const looked = JSON.stringify(stack.ofType('AWS::CloudWatch::Alarm'));
  const others = new Set(['ConcurrentExecutions', 'AsyncEventAge', 'Duration']);
  const metrics = [...named].filter((name) =>
    /^(Errors|Throttles|ConcurrentExecutions|Duration|Invocations|IteratorAge|Async\w+|Approximate\w+|Destination\w+|Dropped\w+)$/.test(
      name,
    ),
  );
  expect(metrics.length).toBeGreaterThan(3);
  expect(metrics.filter((name) => !looked.includes(name) && !others.has(name))).toEqual([]);
});
