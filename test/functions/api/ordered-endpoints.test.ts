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
const change = async (path: string, version: number, body: Record<string, unknown>) =>
  world.call('PATCH', path, { as: 'acme', body, headers: { 'if-match': `"${version}"` } });

describe('an ordered endpoint', () => {
  it('is one because it was made one, or became one, and may stop to be', async () => {
    const made = await create({ ordered: true, scheduleSeconds: [0, 60] });
    expect(made).toMatchObject({ status: 201, json: { ordered: true } });
    const ordinary = await create({});
    expect(ordinary.json).not.toHaveProperty('ordered');
    const path = `/v1/endpoints/${z.string().parse(ordinary.json['endpointId'])}`;
    expect(await change(path, 1, { ordered: true })).toMatchObject({ status: 200, json: { ordered: true } });
    expect(await change(path, 2, { ordered: false })).toMatchObject({
      status: 200,
      json: { ordered: false },
    });
    expect(await world.call('GET', path, { as: 'acme' })).toMatchObject({ json: { ordered: false } });
  });

  it('has no delay before its first attempt, however it comes to have one', async () => {
    const refusal = {
      status: 400,
      json: {
        errors: [{ pointer: '/body/scheduleSeconds/0' }],
      },
    };
    expect(await create({ ordered: true, scheduleSeconds: [5, 60] })).toMatchObject(refusal);
    const late = await create({ scheduleSeconds: [5, 60] });
    const latePath = `/v1/endpoints/${z.string().parse(late.json['endpointId'])}`;
    expect(await change(latePath, 1, { ordered: true })).toMatchObject(refusal);
    const ordered = await create({ ordered: true });
    const orderedPath = `/v1/endpoints/${z.string().parse(ordered.json['endpointId'])}`;
    expect(await change(orderedPath, 1, { scheduleSeconds: [5, 60] })).toMatchObject(refusal);
  });

  it('is none whose messages are read', async () => {
    const made = await world.call('POST', '/v1/integrations', {
      as: 'acme',
      body: { url: 'https://partner.example/hooks', name: 'Front', departmentId: 'dep-1', active: true },
    });
    const endpointId = z.string().parse(made.json['integrationId']);
    expect(await change(`/v1/endpoints/${endpointId}`, 1, { ordered: true })).toMatchObject({
      status: 400,
      json: { errors: [{ pointer: '/body/ordered' }] },
    });
  });
});
