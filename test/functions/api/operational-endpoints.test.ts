import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { startEndpointWorld, type EndpointWorld } from './endpoint-world.ts';

let world: EndpointWorld;
beforeEach(async () => {
  world = await startEndpointWorld();
});
afterEach(async () => world[Symbol.asyncDispose]());

const create = async (body: Record<string, unknown>) =>
  world.call('POST', '/v1/endpoints', {
    as: 'acme',
    body: { url: 'https://partner.example/hooks', ...body },
  });

describe('an operational endpoint', () => {
  it('is one because it was made one, or became one', async () => {
    const made = await create({ operational: true, contract: 'cloudevents' });
    expect(made).toMatchObject({ status: 201, json: { operational: true } });
    const ordinary = await create({});
    expect(ordinary.json).not.toHaveProperty('operational');
    const path = `/v1/endpoints/${z.string().parse(ordinary.json['endpointId'])}`;
    const change = async (operational: boolean, version: number) =>
      world.call('PATCH', path, {
        as: 'acme',
        body: { operational },
        headers: { 'if-match': `"${version}"` },
      });
    expect(await change(true, 1)).toMatchObject({ status: 200, json: { operational: true } });
    expect(await change(false, 2)).toMatchObject({ status: 200, json: { operational: false } });
    expect(await world.call('GET', path, { as: 'acme' })).toMatchObject({ json: { operational: false } });
  });

  it.each([
    ['another contract', { operational: true, contract: 'queue-position' }, '/body/operational'],
    [
      'what happens at a tower',
      { operational: true, filter: { towerIds: ['t-1'] } },
      '/body/filter/towerIds',
    ],
    ['what happens in a locker', { operational: true, filter: { lockers: [1] } }, '/body/filter/lockers'],
    ['ordinary events only', { operational: true, filter: { types: ['locker.*'] } }, '/body/filter/types'],
    ['operational events, being none', { filter: { types: ['endpoint.*'] } }, '/body/filter/types'],
  ])('is refused for %s: it would hear of nothing', async (_, body, pointer) => {
    expect(await create(body)).toMatchObject({ status: 400, json: { errors: [{ pointer }] } });
  });

  it('may want some operational events only', async () => {
    const filter = { types: ['endpoint.*'] };
    expect(await create({ operational: true, filter })).toMatchObject({ status: 201, json: { filter } });
  });
});
