import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { defineOperation, nothing } from '../../../functions/api/operation.ts';
import { assertVersion } from '../../../functions/api/preconditions.ts';
import { notFound } from '../../../functions/api/problem.ts';
import { startTables, type Tables } from '../shared/tables.ts';
import { makeApi, makeServices, partnerClaims, partnerNamed, putEntities, type Api } from './foundation.ts';

const about = { tag: 'Things', summary: 'A thing', access: 'any' } as const;
const response = { status: 200, schema: z.object({ shown: z.unknown() }), description: 'It.' } as const;

const echo = defineOperation({
  ...about,
  operationId: 'echo',
  method: 'POST',
  path: '/v1/things/{thingId}',
  params: z.strictObject({ thingId: z.string().regex(/^[a-z]+$/, 'must be letters') }),
  query: z.strictObject({ size: z.coerce.number().int().max(9).optional() }),
  body: z.strictObject({ 'a/b': z.string(), list: z.array(z.strictObject({ n: z.int() })) }),
  response,
  maxBodyBytes: 100,
  handle: async (_, { caller, body }) => ({
    body: { shown: { caller, body }, secret: 'hidden' },
    version: 3,
  }),
});

const patch = defineOperation({
  ...about,
  operationId: 'patch',
  method: 'PATCH',
  path: '/v1/things/{thingId}',
  params: z.object({}),
  query: nothing,
  body: z.strictObject({}),
  response,
  handle: async (_, { ifMatch }) => {
    assertVersion(ifMatch, 3);
    return { body: { shown: null }, version: 4 };
  },
});

const page = defineOperation({
  ...about,
  operationId: 'page',
  method: 'POST',
  path: '/o/{link}',
  access: 'public',
  params: z.object({ link: z.string() }),
  query: nothing,
  body: z.strictObject({ name: z.string() }),
  bodyType: 'form',
  response: { status: 200, schema: z.string(), description: 'A page.', contentType: 'text/html' },
  handle: async (_, { body }) => ({ body: `<p>${body.name.length}</p>` }),
});

const failing = defineOperation({
  ...about,
  operationId: 'failing',
  method: 'GET',
  path: '/v1/failing',
  params: nothing,
  query: nothing,
  body: null,
  response,
  handle: async () => {
    throw new Error('the password is hunter2');
  },
});

const refusing = defineOperation({
  ...about,
  operationId: 'refusing',
  method: 'DELETE',
  path: '/v1/refusing',
  params: nothing,
  query: nothing,
  body: null,
  response: { status: 204, schema: null, description: 'Gone.' },
  handle: async (_, { headers }) => {
    if (headers['x-refuse'] !== undefined) throw notFound();
    return { body: null };
  },
});

const text = defineOperation({
  ...about,
  operationId: 'text',
  method: 'GET',
  path: '/v1/texts/{any}',
  params: z.object({ any: z.string().optional() }),
  query: z.object({ any: z.string().optional() }),
  body: null,
  response,
  handle: async () => ({ body: { shown: null } }),
});

const operations = [text, echo, patch, page, failing, refusing];
const good = { params: { thingId: 'one' }, body: { 'a/b': 'x', list: [{ n: 1 }] } };
let tables: Tables;
let api: Api;

beforeAll(async () => {
  tables = await startTables();
  await putEntities(tables, ...partnerNamed('acme'));
  api = makeApi(tables, operations, makeServices(tables));
});
afterAll(() => tables[Symbol.asyncDispose]());

const titles: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  413: 'Content Too Large',
  415: 'Unsupported Media Type',
  428: 'Precondition Required',
  500: 'Internal Server Error',
};
const problem = (status: number, code: string) => ({
  statusCode: status,
  headers: { 'content-type': 'application/problem+json' },
  json: { type: 'about:blank', title: titles[status], status, code },
});

describe('an answer', () => {
  it('has what the operation documents and nothing else, and the version as its ETag', async () => {
    const answer = await api.send(echo, good);
    expect(answer).toMatchObject({ statusCode: 200, headers: { etag: '"3"', 'cache-control': 'no-store' } });
    expect(answer.json).toEqual({ shown: { caller: { kind: 'operator' }, body: good.body } });
  });

  it('without a schema has no body', async () => {
    expect(await api.send(refusing)).toMatchObject({ statusCode: 204, body: '' });
  });

  it('may be a page', async () => {
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    const request = { headers, body: Buffer.from('name=Zo%C3%AB'), params: { link: 'x' }, claims: null };
    expect(await api.send(page, request)).toMatchObject({
      statusCode: 200,
      headers: { 'content-type': 'text/html' },
      body: '<p>3</p>',
    });
  });
});

describe('a mistake in a request', () => {
  it('names every wrong field, in path, query and body, with JSON pointers', async () => {
    const answer = await api.send(echo, {
      params: { thingId: '7' },
      query: { size: '10', colour: 'red' },
      body: { 'a/b': 1, list: [{ n: 1, 'x~y': 1 }], more: true },
    });
    expect(answer).toMatchObject(problem(400, 'validation_failed'));
    expect(answer.json).toMatchObject({
      errors: [
        { pointer: '/path/thingId', detail: 'must be letters' },
        { pointer: '/query/size' },
        { pointer: '/query/colour', detail: 'is unknown' },
        { pointer: '/body/a~1b' },
        { pointer: '/body/list/0/x~0y', detail: 'is unknown' },
        { pointer: '/body/more', detail: 'is unknown' },
      ],
    });
  });

  it('says "is required" of a field that is missing', async () => {
    expect((await api.send(echo, { ...good, body: { list: [] } })).json).toMatchObject({
      errors: [{ pointer: '/body/a~1b', detail: 'is required' }],
    });
  });

  it.each([
    ['malformed JSON', '{"a/b":', 400, 'malformed_json'],
    ['bytes that are no UTF-8', Buffer.from([0x7b, 0xff]), 400, 'malformed_body'],
    ['no body', undefined, 400, 'body_missing'],
    ['a body that is too large', JSON.stringify('x'.repeat(200)), 413, 'body_too_large'],
    ['another JSON value', '17', 400, 'validation_failed'],
    ['null', 'null', 400, 'validation_failed'],
  ])('%s gets its own problem', async (_, body, status, code) => {
    expect(await api.send(echo, { ...good, body })).toMatchObject(problem(status, code));
  });

  it('of the media type gets 415', async () => {
    const headers = { 'Content-Type': 'application/x-www-form-urlencoded' };
    expect(await api.send(echo, { ...good, headers })).toMatchObject(problem(415, 'unsupported_media_type'));
    const json = { 'content-type': 'Application/JSON; charset=utf-8' };
    expect(await api.send(echo, { ...good, headers: json })).toMatchObject({ statusCode: 200 });
  });

  it.each([
    ['half of a surrogate pair', String.raw`{"a/b":"\ud800","list":[]}`, '/body/a~1b'],
    ['a number that would change', '{"a/b":"x","list":[{"n":12345678901234567890}]}', '/body/list/0/n'],
  ])('%s in a body is named', async (_, body, pointer) => {
    const answer = await api.send(echo, { ...good, body });
    expect(answer).toMatchObject(problem(400, 'validation_failed'));
    expect(answer.json).toMatchObject({ errors: [{ pointer }] });
  });

  it('half of a surrogate pair is named in path and query, too', async () => {
    for (const [part, request] of [
      ['path', { params: { any: '\udc00' } }],
      ['query', { query: { any: '\ud800' } }],
    ] as const) {
      const answer = await api.send(text, request);
      expect(answer).toMatchObject(problem(400, 'validation_failed'));
      expect(answer.json).toMatchObject({ errors: [{ pointer: `/${part}/any` }] });
    }
  });

  it('a body where none is expected gets 400', async () => {
    expect(await api.send(refusing, { body: {} })).toMatchObject(problem(400, 'body_not_expected'));
  });
});

describe('a request that matches no route', () => {
  it('gets 404 where there is nothing', async () => {
    expect(await api.sendUnmatched('GET', '/v1/nothing')).toMatchObject(problem(404, 'not_found'));
  });

  it('gets 405 with Allow where another method is possible', async () => {
    const answer = await api.sendUnmatched('PUT', '/v1/things/one');
    expect(answer).toMatchObject(problem(405, 'method_not_allowed'));
    expect(answer.headers['allow']).toBe('OPTIONS, PATCH, POST');
  });

  it('gets the methods when it asks for them', async () => {
    expect(await api.sendUnmatched('OPTIONS', '/v1/things/one')).toMatchObject({
      statusCode: 204,
      headers: { allow: 'OPTIONS, PATCH, POST' },
    });
    expect(await api.sendUnmatched('OPTIONS', '/v1/nothing')).toMatchObject({ statusCode: 404 });
  });
});

describe('If-Match', () => {
  it('is required of a PATCH', async () => {
    expect(await api.send(patch, { body: {} })).toMatchObject(problem(428, 'if_match_required'));
  });

  it.each([
    ['"3"', 200],
    ['W/"3"', 200],
    ['*', 200],
    ['"2"', 412],
    ['3', 400],
    ['"3", "4"', 400],
  ])('%s gets %i when the version is 3', async (etag, status) => {
    expect(await api.send(patch, { body: {}, headers: { 'if-match': etag } })).toMatchObject({
      statusCode: status,
    });
  });

  it('of another version tells the one that holds', async () => {
    const answer = await api.send(patch, { body: {}, headers: { 'If-Match': '"2"' } });
    expect(answer.headers['etag']).toBe('"3"');
  });
});

describe('a failure of ours', () => {
  it('is a problem that tells nothing of it, and a logged error that does', async () => {
    const answer = await api.send(failing);
    expect(answer).toMatchObject(problem(500, 'internal_error'));
    expect(answer.body).not.toContain('hunter2');
    expect(answer.body).toContain('r-1');
    const error = api.lines.find(({ level }) => level === 'error');
    expect(error?.fields['cause']).toEqual(new Error('the password is hunter2'));
    // What the caller has is what to look for.
    expect(error?.fields['gatewayRequestId']).toBe('r-1');
  });

  it('is not what a refusal is', async () => {
    const before = api.lines.filter(({ level }) => level === 'error').length;
    expect(await api.send(refusing, { headers: { 'x-refuse': 'yes' } })).toMatchObject(
      problem(404, 'not_found'),
    );
    expect(api.lines.filter(({ level }) => level === 'error')).toHaveLength(before);
  });
});

describe('a caller', () => {
  it('with the partner scope is the partner of its client', async () => {
    const answer = await api.send(echo, { ...good, claims: partnerClaims('acme-backend') });
    expect(answer.json).toMatchObject({ shown: { caller: { kind: 'partner', partnerId: 'acme' } } });
  });

  it.each([
    [{ azp: 'acme-backend', scope: 'openid partner profile' }],
    [{ client_id: 'acme-backend', scp: '[partner openid]' }],
  ])('is known by the claims of other issuers: %j', async (claims) => {
    expect(await api.send(echo, { ...good, claims })).toMatchObject({ statusCode: 200 });
  });

  it.each([
    ['whose client no partner has', partnerClaims('stranger'), 'client_unknown'],
    ['that names no client', { scope: 'towercast/partner' }, 'client_unknown'],
    ['without a scope of ours', { client_id: 'acme-backend', scope: 'towercast' }, 'scope_missing'],
    ['without any scope', { client_id: 'acme-backend' }, 'scope_missing'],
  ])('%s gets 403', async (_, claims, code) => {
    expect(await api.send(echo, { ...good, claims })).toMatchObject(problem(403, code));
  });

  it('that a template let in without a token gets 401', async () => {
    expect(await api.send(echo, { ...good, claims: null })).toMatchObject(problem(401, 'token_missing'));
  });

  it('is refused before its mistakes are told', async () => {
    const request = { body: '{', claims: partnerClaims('stranger') };
    expect(await api.send(echo, request)).toMatchObject({ statusCode: 403 });
  });
});

describe('the log', () => {
  it('has one line for a request, without paths, bodies and tokens', async () => {
    api.lines.length = 0;
    await api.send(echo, { ...good, path: '/v1/things/one', body: { 'a/b': 'planted', list: [] } });
    const [line, ...others] = api.lines;
    const { durationMs, ...fields } = line?.fields ?? {};
    expect(others).toEqual([]);
    expect(durationMs).toBeTypeOf('number');
    expect(fields).toEqual({
      operationId: 'echo',
      clientId: 'ops',
      gatewayRequestId: 'r-1',
      method: 'POST',
      route: 'POST /v1/things/{thingId}',
      status: 200,
    });
  });
});
