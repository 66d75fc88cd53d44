import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { operations } from '../../../functions/api/operations.ts';
import { hostileUrls, publicUrls } from '../deliver/hostile-urls.ts';
import { startEndpointWorld, type Answer, type EndpointWorld } from './endpoint-world.ts';

let world: EndpointWorld;
const ids = { endpoint: '', operational: '', integration: '' };
beforeAll(async () => {
  world = await startEndpointWorld();
  ids.endpoint = idOf(await post('/v1/endpoints', { url: good }), 'endpointId');
  ids.operational = idOf(await post('/v1/endpoints', { url: good, operational: true }), 'endpointId');
  ids.integration = idOf(await post('/v1/integrations', integrationAt(good)), 'integrationId');
});
afterAll(async () => world[Symbol.asyncDispose]());

const idOf = ({ json }: Answer, name: string) => z.string().parse(json[name]);
const good = 'https://partner.example/hooks';
const integrationAt = (url: string) => ({ departmentId: 'dep-1', name: 'Ours', url });
const post = async (path: string, body: unknown) => world.call('POST', path, { as: 'acme', body });

/** Whatever version there is by now. */
async function patch(path: string, url: string): Promise<Answer> {
  const { headers } = await world.call('GET', path, { as: 'acme' });
  return world.call('PATCH', path, {
    as: 'acme',
    body: { url },
    headers: { 'if-match': headers['etag'] ?? '' },
  });
}

/** Every way in which a URL gets in, by the operation that lets it in. */
const doors: readonly [name: string, operationId: string, (url: string) => Promise<Answer>][] = [
  ['a new endpoint', 'createEndpoint', (url) => post('/v1/endpoints', { url })],
  ['a new operational one', 'createEndpoint', (url) => post('/v1/endpoints', { url, operational: true })],
  ['a new ordered one', 'createEndpoint', (url) => post('/v1/endpoints', { url, ordered: true })],
  ['a change of an endpoint', 'changeEndpoint', (url) => patch(`/v1/endpoints/${ids.endpoint}`, url)],
  ['of an operational one', 'changeEndpoint', (url) => patch(`/v1/endpoints/${ids.operational}`, url)],
  [
    'of one that is an integration',
    'changeEndpoint',
    (url) => patch(`/v1/endpoints/${ids.integration}`, url),
  ],
  ['a new integration', 'createIntegration', (url) => post('/v1/integrations', integrationAt(url))],
  ['a change of one', 'updateIntegration', (url) => patch(`/v1/integrations/${ids.integration}`, url)],
  ['a webhook of a project', 'registerWebhook', (url) => post('/v2/projects/acme/webhooks', { url })],
];

/** A port that every stage allows, so that it is the host that is refused. */
const refused = hostileUrls
  .filter(({ refusedAt }) => refusedAt === 'registration')
  .map(({ url }) => url.replace('{port}', '8443'));

/** All that the API stores of endpoints. */
const stored = async () =>
  (await world.tables.scan('entities')).filter(({ kind }) => kind === 'endpoint').map(({ url }) => url);

describe('a URL gets in', () => {
  it('by no other operation than those that are tried here', () => {
    const taking = operations.filter(({ body }) => {
      if (body === null) return false;
      const schema = z.toJSONSchema(body, { io: 'input', unrepresentable: 'any' });
      return /"\w*(url|uri|host|callback|address)\w*":/i.test(JSON.stringify(schema));
    });
    const tried = new Set(doors.map(([, operationId]) => operationId));
    expect(new Set(taking.map(({ operationId }) => operationId))).toEqual(tried);
  });

  it.each(doors)('as %s, if nothing is wrong with it', async (_, __, send) => {
    for (const { url } of publicUrls.filter((one) => !one.url.includes('@')))
      expect([url, (await send(url)).status < 300]).toEqual([url, true]);
  });

  it.each(doors)('as %s, and none of the hostile ones does', async (_, __, send) => {
    const before = await stored();
    expect(refused.length).toBeGreaterThan(100);
    for (const url of refused) {
      const { status, json } = await send(url);
      expect([url, status, json['errors']]).toEqual([
        url,
        400,
        [expect.objectContaining({ pointer: '/body/url' })],
      ]);
    }
    expect(await stored()).toEqual(before);
  });
});
