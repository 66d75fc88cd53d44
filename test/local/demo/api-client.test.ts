import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ApiError, createApiClient } from '../../../local/demo/api-client.ts';
import { startApiServer, type ApiServer, type ServedAnswer } from './api-server.ts';

describe('the demo’s client of the API', () => {
  let server: ApiServer;
  let answer: ServedAnswer;
  beforeEach(async () => {
    answer = { status: 200, headers: { etag: '"3"' }, body: { id: 1 } };
    server = await startApiServer(() => answer);
  });
  afterEach(() => server.stop());

  it('signs in once as each client, and not at all for the public', async () => {
    const client = createApiClient(server.addresses);
    for (const clientId of ['one', 'two', 'one', null])
      await client.send(clientId, { method: 'GET', path: '/v1/things' });
    expect(server.requests.map(({ clientId }) => clientId)).toEqual(['one', 'two', 'one', null]);
    expect(server.tokens).toBe(2);
  });

  it('sends JSON with the version that it is about, and reads JSON and version', async () => {
    const request = { method: 'PATCH', path: '/v1/things/1', body: { a: 1 }, ifMatch: 2 } as const;
    const answered = await createApiClient(server.addresses).send('one', request);
    expect(answered).toEqual({ status: 200, version: 3, body: { id: 1 } });
    expect(server.requests[0]).toMatchObject({
      method: 'PATCH',
      text: '{"a":1}',
      headers: { 'if-match': '"2"', 'content-type': 'application/json' },
    });
  });

  it('posts forms as a browser does, and leaves redirects alone', async () => {
    answer = { status: 303, headers: { location: '/elsewhere' } };
    const form = { name: 'Ana & Luis' };
    const answered = await createApiClient(server.addresses).send(null, {
      method: 'POST',
      path: '/o/x',
      form,
    });
    expect(answered.status).toBe(303);
    expect(server.requests.map(({ path, text }) => [path, text])).toEqual([['/o/x', 'name=Ana+%26+Luis']]);
  });

  it('tells what the API refused, and keeps links to itself', async () => {
    const problem = { code: 'item_not_in_locker', detail: 'It is not there.' };
    answer = { status: 409, headers: { 'content-type': 'application/problem+json' }, body: problem };
    const client = createApiClient(server.addresses);
    const refused = client.send('one', { method: 'POST', path: '/v1/things', body: {} });
    await expect(refused).rejects.toBeInstanceOf(ApiError);
    await expect(refused).rejects.toMatchObject({
      status: 409,
      message: 'POST /v1/things got 409 item_not_in_locker: It is not there.',
    });
    await expect(client.send(null, { method: 'POST', path: '/o/secret' })).rejects.not.toThrow('secret');
  });
});
