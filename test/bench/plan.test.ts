import { describe, expect, it } from 'vitest';
import {
  allEndpoints,
  hearersOf,
  networkOf,
  orderly,
  PlanSchema,
  reportsOf,
  twoEndpoints,
  type PlanInput,
} from '../../bench/load/plan.ts';
import { NetworkFileSchema } from '../../schemas/network.ts';

const ports = { shared: 4000, plain: 4001, tls: 4002, closing: 4003 };

const planOf = (group: Partial<PlanInput['groups'][number]>) =>
  PlanSchema.parse({
    groups: [
      { name: 'tower', towers: 3, endpoints: [{ name: 'one' }, { name: 'two' }], messages: 100, ...group },
    ],
  });

describe('a plan', () => {
  it.each(['parcels', 'doors'] as const)('of %s has as many reports as messages are asked for', (story) => {
    const plan = planOf({ story });
    const [group] = plan.groups;
    if (group === undefined) throw new Error('no group');
    const reports = [0, 1, 2].flatMap((tower) => reportsOf(group, tower));
    expect(reports.length).toBeGreaterThanOrEqual(100);
    const { towers = [] } = networkOf(plan, ports);
    const lockers = new Set(towers[0]?.lockers.map(({ locker }) => locker));
    for (const report of reports) expect(lockers).toContain('locker' in report ? report.locker : null);
  });

  it('makes a network that the loader takes', () => {
    const network = networkOf(planOf({ partners: 2 }), ports);
    expect(() => NetworkFileSchema.parse(network)).not.toThrow();
    expect(network.endpoints).toHaveLength(4);
    expect(network.partners).toHaveLength(2);
  });

  it.each([
    ['shared', 'http://127.0.0.1:4000/tower-1-one'],
    ['plain', 'http://tower-1-one.localhost:4001/tower-1-one'],
    ['tls', 'https://tower-1-one.localhost:4002/tower-1-one'],
    ['closing', 'https://tower-1-one.localhost:4003/tower-1-one'],
  ] as const)('gives an endpoint of transport %s its address', (transport, url) => {
    const { endpoints = [] } = networkOf(planOf({ endpoints: [{ name: 'one', transport }] }), ports);
    expect(endpoints.map((endpoint) => endpoint.url)).toEqual([url]);
  });

  it('of whoever wants order has an endpoint of its own, so that it changes nothing for the others', () => {
    const plan = PlanSchema.parse({ groups: [...twoEndpoints(2, 10).groups, orderly(3, 10)] });
    expect(allEndpoints(plan).map(({ endpointId, ordered }) => [endpointId, ordered])).toEqual([
      ['tower-1-one', false],
      ['tower-1-two', false],
      ['orderly-1-e', true],
    ]);
    const [towers, wanting] = plan.groups;
    if (towers === undefined || wanting === undefined) throw new Error('two groups');
    expect(hearersOf(towers, 0, 1).map(({ endpointId }) => endpointId)).toEqual([
      'tower-1-one',
      'tower-1-two',
    ]);
    expect(hearersOf(wanting, 2, 1).map(({ endpointId }) => endpointId)).toEqual(['orderly-1-e']);
  });

  it('lets two of ten endpoints hear of a locker, and of their own partner only', () => {
    const endpoints = Array.from({ length: 10 }, (_, index) => ({
      name: `e${index}`,
      locker: (index % 5) + 1,
    }));
    const plan = planOf({ towers: 4, partners: 2, endpoints, story: 'doors' });
    const [group] = plan.groups;
    if (group === undefined) throw new Error('no group');
    expect(allEndpoints(plan)).toHaveLength(20);
    expect(hearersOf(group, 3, 2).map(({ endpointId }) => endpointId)).toEqual(['tower-2-e1', 'tower-2-e6']);
  });
});
