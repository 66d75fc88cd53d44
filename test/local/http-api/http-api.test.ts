import { generateKeyPairSync } from 'node:crypto';
import { OAuth2Server } from 'oauth2-mock-server';
import { SignJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startHttpServer, type HttpServer } from '../../../local/engines/http-server.ts';
import { assertApiPermitted, createHttpApi, type ApiFunctions } from '../../../local/http-api/http-api.ts';
import type { Json } from '../../../local/intrinsics.ts';
import type { InvocationResult } from '../../../local/lambda/process.ts';
import { Template } from '../../../local/template.ts';

const usage = { cpuMicros: 0, durationMs: 0, requests: {}, httpRequests: 0 };
const issuer = new OAuth2Server();
const events: Json[] = [];
let server: HttpServer;
/** What the function answers next. */
let result: InvocationResult = { ok: true, payload: { statusCode: 200, body: 'ok' }, usage };

const route = (RouteKey: string, scopes?: string[]) => ({
  Type: 'AWS::ApiGatewayV2::Route',
  Properties: {
    ApiId: { Ref: 'Api' },
    RouteKey,
    Target: { 'Fn::Join': ['', ['integrations/', { Ref: 'Integration' }]] },
    ...(scopes === undefined
      ? { AuthorizationType: 'NONE' }
      : { AuthorizationType: 'JWT', AuthorizerId: { Ref: 'Authorizer' }, AuthorizationScopes: scopes }),
  },
});

const resources = () => ({
  Api: { Type: 'AWS::ApiGatewayV2::Api', Properties: { Name: 'api', ProtocolType: 'HTTP' } },
  Integration: {
    Type: 'AWS::ApiGatewayV2::Integration',
    Properties: {
      ApiId: { Ref: 'Api' },
      IntegrationType: 'AWS_PROXY',
      IntegrationUri: 'arn:the-function',
      PayloadFormatVersion: '2.0',
    },
  },
  Authorizer: {
    Type: 'AWS::ApiGatewayV2::Authorizer',
    Properties: {
      ApiId: { Ref: 'Api' },
      Name: 'tokens',
      AuthorizerType: 'JWT',
      IdentitySource: ['$request.header.Authorization'],
      JwtConfiguration: { Issuer: issuer.issuer.url ?? '', Audience: ['the-api', 'a-client'] },
    },
  },
  Item: route('GET /items/{itemId}', ['read', 'write']),
  Latest: route('GET /items/latest', ['read']),
  Write: route('POST /items'),
  Rest: route('$default'),
});

const functions: ApiFunctions = {
  invoke: async (functionArn, event) => {
    expect(functionArn).toBe('arn:the-function');
    events.push(event);
    return result;
  },
  assertPermitted: () => undefined,
};

beforeAll(async () => {
  await issuer.issuer.keys.generate('RS256');
  await issuer.start(0, '127.0.0.1');
  const template = new Template('Stack', { Resources: resources() });
  server = await startHttpServer(0, [createHttpApi(template, () => functions)]);
});
afterAll(async () => {
  await server.stop();
  await issuer.stop();
});

const token = (changes: Record<string, unknown> = {}) =>
  issuer.issuer.buildToken({
    scopesOrTransform: (_, payload) => Object.assign(payload, { aud: 'the-api', scope: 'read' }, changes),
  });

const get = async (path: string, bearer?: string) =>
  fetch(`${server.endpoint}${path}`, {
    headers: bearer === undefined ? {} : { authorization: `Bearer ${bearer}` },
  });

const post = (type: string) =>
  fetch(`${server.endpoint}/items`, { method: 'POST', headers: { 'content-type': type }, body: 'a=b' });

const statusOf = async (bearer: string) => (await get('/items/1', bearer)).status;

describe('a request', () => {
  it('becomes an event of payload version 2.0', async () => {
    await fetch(`${server.endpoint}/items/a%20b?x=1&x=2&y=%C3%BC`, {
      headers: { authorization: `Bearer ${await token({ list: ['a', 'b'], n: 7 })}`, 'X-Twice': 'yes' },
    });
    expect(events.at(-1)).toMatchObject({
      version: '2.0',
      routeKey: 'GET /items/{itemId}',
      rawQueryString: 'x=1&x=2&y=%C3%BC',
      queryStringParameters: { x: '1,2', y: 'ü' },
      pathParameters: { itemId: 'a b' },
      headers: { 'x-twice': 'yes' },
      isBase64Encoded: false,
      requestContext: {
        http: { method: 'GET', protocol: 'HTTP/1.1' },
        stage: '$default',
        authorizer: { jwt: { claims: { list: '[a b]', n: '7', aud: 'the-api' }, scopes: ['read'] } },
      },
    });
  });

  it('has a text body as text, and any other in base64', async () => {
    await post('application/json');
    expect(events.at(-1)).toMatchObject({ body: 'a=b', isBase64Encoded: false });
    await post('application/x-www-form-urlencoded');
    expect(events.at(-1)).toMatchObject({ body: 'YT1i', isBase64Encoded: true });
  });

  it('goes to the most specific route, and to $default when there is none', async () => {
    const bearer = await token();
    await get('/items/latest', bearer);
    expect(events.at(-1)).toMatchObject({ routeKey: 'GET /items/latest' });
    for (const path of ['/items', '/items/', '/items/a/b', '/']) {
      await get(path);
      expect(events.at(-1)).toMatchObject({ rawPath: path, routeKey: '$default' });
    }
  });

  it('whose path can’t be decoded gets 400', async () => {
    expect((await get('/items/%E0%A4%A', await token())).status).toBe(400);
  });
});

describe('an answer', () => {
  it('has the function’s status, headers, cookies and bytes', async () => {
    const payload = {
      statusCode: 418,
      headers: { 'x-one': '1' },
      cookies: ['a=1', 'b=2'],
      body: Buffer.from([0, 255]).toString('base64'),
      isBase64Encoded: true,
    };
    result = { ok: true, payload, usage };
    const answer = await get('/');
    expect(answer.status).toBe(418);
    expect(answer.headers.get('x-one')).toBe('1');
    expect(answer.headers.getSetCookie()).toEqual(['a=1', 'b=2']);
    expect([...new Uint8Array(await answer.arrayBuffer())]).toEqual([0, 255]);
  });

  it('without a status code is the body of a 200', async () => {
    result = { ok: true, payload: { hello: 'world' }, usage };
    expect(await (await get('/')).json()).toEqual({ hello: 'world' });
  });

  it('of a function that fails is a 500 that tells nothing', async () => {
    result = { ok: false, error: { errorType: 'Error', errorMessage: 'secret' } };
    const answer = await get('/');
    expect(answer.status).toBe(500);
    expect(await answer.text()).toBe('{"message":"Internal Server Error"}');
    result = { ok: true, payload: { statusCode: 200 }, usage };
  });
});

describe('a token', () => {
  const now = Math.floor(Date.now() / 1_000);

  it.each([
    ['for the API', {}, 200],
    ['for several, the API among them', { aud: ['other', 'the-api'] }, 200],
    ['for none, of a client that is an audience', { aud: undefined, client_id: 'a-client' }, 200],
    ['for another, of a client that is an audience', { aud: 'other', client_id: 'a-client' }, 401],
    ['for none', { aud: undefined }, 401],
    ['that expired', { exp: now - 1 }, 401],
    ['without an end', { exp: undefined }, 401],
    ['that is not valid yet', { nbf: now + 60 }, 401],
    ['of another issuer', { iss: 'https://other.example' }, 401],
    ['with one of the scopes', { scope: 'other write' }, 200],
    ['with a list of scopes as `scp`', { scope: undefined, scp: ['write'] }, 200],
    ['with none of the scopes', { scope: 'reader' }, 403],
    ['without scopes', { scope: undefined }, 403],
  ])('%s', async (_, changes, status) => {
    expect(await statusOf(await token(changes))).toBe(status);
  });

  it('that is not there is 401, and says what is missing', async () => {
    const answer = await get('/items/1');
    expect(answer.status).toBe(401);
    expect(answer.headers.get('www-authenticate')).toContain('Bearer error="invalid_token"');
    expect(await answer.text()).toBe('{"message":"Unauthorized"}');
  });

  it('signed with anything but RSA is refused, though the issuer has the key', async () => {
    const key = await issuer.issuer.keys.generate('ES256');
    const elliptic = await issuer.issuer.buildToken({
      kid: key.kid,
      scopesOrTransform: (_, payload) => Object.assign(payload, { aud: 'the-api', scope: 'read' }),
    });
    expect(await statusOf(elliptic)).toBe(401);
  });

  it('signed by another key is refused', async () => {
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const forged = await new SignJWT({ aud: 'the-api', scope: 'read', iss: issuer.issuer.url ?? '' })
      .setProtectedHeader({ alg: 'RS256', kid: 'forged' })
      .setExpirationTime('1h')
      .sign(privateKey);
    expect(await statusOf(forged)).toBe(401);
  });
});

describe('a template', () => {
  it('whose route has a property that is not run here is refused by name', () => {
    const broken = { ...resources(), Item: route('GET /items') };
    Object.assign(broken.Item.Properties, { RequestModels: {} });
    expect(() => createHttpApi(new Template('Stack', { Resources: broken }), () => functions)).toThrow(
      /Item \(AWS::ApiGatewayV2::Route\)/,
    );
  });

  it('without the permission to invoke the function is refused', () => {
    const template = new Template('Stack', { Resources: resources() });
    const asked: string[][] = [];
    assertApiPermitted(template, { ...functions, assertPermitted: (...args) => asked.push(args) });
    expect(asked).toEqual([
      [
        'arn:the-function',
        'apigateway.amazonaws.com',
        'arn:aws:execute-api:us-east-1:000000000000:Stack-Api/*',
      ],
    ]);
  });
});
