import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, inject, it } from 'vitest';
import { stackName } from '../../local/synthesize.ts';
import {
  documentedMetrics,
  readResources,
  watchedMetrics,
  type EmittedMetric,
  type MetricName,
} from '../helpers/metrics.ts';
import { playMetrics } from './metrics-scenario.ts';

/** Watched, and too costly to bring about here: the test that counts it, by its name and dimensions. */
const countedElsewhere = new Map([
  ['LaneTasksHeldUp service=deliver', 'test/functions/deliver/lane/worn-out.test.ts'],
  ['LanesStuck service=deliver', 'test/functions/deliver/lane/lost-places.test.ts'],
  ['EntitiesLeftForLater service=timers', 'test/functions/timers/due-entities.test.ts'],
  ['DeliveriesLeftForLater service=timers', 'test/functions/timers/due-deliveries.test.ts'],
]);

const keyOf = ({ name, dimensions }: MetricName): string => `${name} ${dimensions}`;

/** As docs/metrics.md names it: dimensions other than the function's without their values. */
function documentedAs({ name, dimensions }: MetricName): string {
  const pairs = new Map(dimensions.split(' ').map((pair) => [pair.split('=')[0] ?? '', pair.split('=')[1]]));
  const by = [...pairs.keys()].filter((one) => one !== 'service').sort();
  return [name, pairs.get('service'), ...by].join(' ');
}

describe('alarms and dashboard', () => {
  const watched = watchedMetrics(readResources(inject('assembly'), stackName)).filter(
    ({ namespace }) => !namespace.startsWith('AWS/'),
  );
  let printed: EmittedMetric[];

  beforeAll(async () => {
    printed = await playMetrics(inject('assembly'));
  }, 180_000);

  it('look at nothing but what functions print, with the same dimensions', () => {
    const known = new Set([...printed.map(keyOf), ...countedElsewhere.keys()]);
    expect(watched.length).toBeGreaterThan(50);
    expect(watched.map(keyOf).filter((key) => !known.has(key))).toEqual([]);
  });

  it.each([...countedElsewhere])('%s is watched, and counted by %s', (key, file) => {
    expect(watched.map(keyOf)).toContain(key);
    expect(readFileSync(file, 'utf8')).toContain(`'${key.split(' ')[0]}'`);
  });

  it('look in the namespace, and for the unit, that functions print', () => {
    const namespaces = new Set([...watched, ...printed].map(({ namespace }) => namespace));
    expect(namespaces).toEqual(new Set(['Towercast/local']));
    const units = new Map(printed.map((metric) => [keyOf(metric), metric.unit]));
    expect(
      watched.filter(({ unit, ...metric }) => unit !== undefined && units.get(keyOf(metric)) !== unit),
    ).toEqual([]);
  });

  it('and all that functions print are in docs/metrics.md', () => {
    const documented = documentedMetrics();
    const names = new Set(
      documented.map(({ name, service, by }) => [name, service, ...by.toSorted()].join(' ')),
    );
    const found = new Set([...watched, ...printed].map(documentedAs));
    expect([...found].filter((one) => !names.has(one))).toEqual([]);
    const units = new Map(documented.map(({ name, unit }) => [name, unit]));
    expect(printed.filter(({ name, unit }) => units.get(name) !== unit)).toEqual([]);
  });
});
