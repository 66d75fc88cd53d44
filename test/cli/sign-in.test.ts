import { describe, expect, it } from 'vitest';
import { startFakeApi, towercast, type Received } from './fake-api.ts';

const secret = 'planted-secret-0987654321';
const issued = 'planted-token-from-issuer';
const line = 'endpoints get main';
const sessionFile = '/home/kim/.config/towercast/session.json';

/** An API and its issuer in one. */
const startBoth = () =>
  startFakeApi(({ url }) =>
    url === '/token'
      ? { body: { access_token: issued, expires_in: 3_600 } }
      : { body: { endpointId: 'main' } },
  );
const bearerOf = (requests: readonly Received[]) =>
  requests.filter(({ url }) => url !== '/token').map(({ headers }) => headers.authorization);

describe('who is calling', () => {
  it('client credentials get a token from the issuer, as RFC 6749 has it', async () => {
    const { url, requests } = await startBoth();
    const env = {
      TOWERCAST_API: url,
      TOWERCAST_TOKEN_URL: `${url}/token`,
      TOWERCAST_CLIENT_ID: 'acme:backend',
      TOWERCAST_CLIENT_SECRET: secret,
    };
    expect((await towercast(line, { env })).code).toBe(0);
    expect(requests[0]).toMatchObject({ method: 'POST', body: 'grant_type=client_credentials' });
    const basic = Buffer.from((requests[0]?.headers.authorization ?? '').replace('Basic ', ''), 'base64');
    expect(basic.toString()).toBe(`acme%3Abackend:${secret}`);
    expect(bearerOf(requests)).toEqual([`Bearer ${issued}`]);
  });

  it('login stores the token but not the secret, and logout forgets it', async () => {
    const { url, requests } = await startBoth();
    const env = { TOWERCAST_CLIENT_SECRET: secret };
    const login = await towercast(`login --api ${url} --token-url ${url}/token --client-id acme`, { env });
    expect(login).toMatchObject({ code: 0, out: '' });
    const files = Object.fromEntries(login.files);
    expect(Object.keys(files)).toEqual([sessionFile]);
    expect(files[sessionFile]).not.toContain(secret);
    expect((await towercast(line, { files })).code).toBe(0);
    expect(bearerOf(requests)).toEqual([`Bearer ${issued}`]);
    expect((await towercast(line, { files, nowMs: 1_774_009_999_999 })).note).toContain('has expired');
    expect((await towercast('logout', { files })).files.size).toBe(0);
  });

  it('the local stack needs no setup: its connection file says all, for an operator or a partner', async () => {
    const { url, requests } = await startBoth();
    const connection = {
      api: url,
      tokenUrl: `${url}/token`,
      clientSecret: secret,
      scopes: { operator: 'towercast/operator', partner: 'towercast/partner' },
    };
    const files = { '.towercast/connection.json': JSON.stringify(connection) };
    expect((await towercast(line, { files })).code).toBe(0);
    expect((await towercast(`${line} --as acme`, { files })).code).toBe(0);
    const users = requests
      .filter((request) => request.url === '/token')
      .map(({ headers, body }) => [
        Buffer.from((headers.authorization ?? '').slice(6), 'base64')
          .toString()
          .split(':')[0],
        body,
      ]);
    expect(users).toEqual([
      ['operator', 'grant_type=client_credentials&scope=towercast%2Foperator'],
      ['acme', 'grant_type=client_credentials&scope=towercast%2Fpartner'],
    ]);
    expect((await towercast('whoami', { files })).out).toContain(`${url}, by the local stack`);
  });

  it('--as and --data mean the local stack, whatever the environment or a login says', async () => {
    const { url, requests } = await startBoth();
    const elsewhere = await startFakeApi(() => ({}));
    const connection = {
      api: url,
      tokenUrl: `${url}/token`,
      clientSecret: secret,
      scopes: { operator: 'towercast/operator', partner: 'towercast/partner' },
    };
    const setting = {
      env: { TOWERCAST_API: elsewhere.url, TOWERCAST_TOKEN: 'of-elsewhere' },
      files: { 'here/connection.json': JSON.stringify(connection), [sessionFile]: 'not even read' },
    };
    expect((await towercast(`${line} --data here`, setting)).code).toBe(0);
    expect((await towercast(`${line} --data here --as acme`, setting)).code).toBe(0);
    expect(bearerOf(requests)).toEqual([`Bearer ${issued}`, `Bearer ${issued}`]);
    expect(elsewhere.requests).toEqual([]);
    expect((await towercast(`${line} --as acme --api ${elsewhere.url}`, setting)).code).toBe(0);
    expect(elsewhere.requests).toHaveLength(1);
  });

  it('whoami --json is for scripts', async () => {
    const { out } = await towercast('whoami --json --api https://a.example --token t');
    expect(JSON.parse(out)).toEqual({ api: 'https://a.example', origin: '--api or TOWERCAST_API' });
  });

  it('without any of it, the message says what to do', async () => {
    const nothing = await towercast(line);
    expect(nothing.code).toBe(2);
    expect(nothing.note).toContain('npm start');
    const nobody = await towercast(`${line} --api https://a.example`);
    expect(nobody.code).toBe(2);
    expect(nobody.note).toContain('TOWERCAST_CLIENT_SECRET are missing');
    expect((await towercast(`${line} --api example.com`, { env: { TOWERCAST_TOKEN: 'x' } })).code).toBe(2);
  });
});

describe('no secret shows', () => {
  it('whatever goes wrong, neither token nor secret is printed', async () => {
    const refusing = await startFakeApi(() => ({
      status: 401,
      body: { error: 'invalid_client', error_description: 'no such client' },
    }));
    const env = {
      TOWERCAST_API: refusing.url,
      TOWERCAST_TOKEN_URL: `${refusing.url}/token`,
      TOWERCAST_CLIENT_ID: 'acme',
      TOWERCAST_CLIENT_SECRET: secret,
    };
    const outcomes = [
      await towercast(line, { env }),
      await towercast(line, { env: { ...env, TOWERCAST_TOKEN_URL: 'http://127.0.0.1:1' } }),
      await towercast(`${line} --token ${issued} --bogus`, { env }),
      await towercast(line, { env: { ...env, TOWERCAST_TOKEN: issued } }),
      await towercast(line, { files: { [sessionFile]: `{"token":"${issued}"` } }),
      await towercast(line, { files: { '.towercast/connection.json': `{"clients":"${secret}"}` } }),
    ];
    expect(outcomes.map(({ code }) => code)).toEqual([1, 1, 2, 1, 2, 2]);
    expect(outcomes[0]?.note).toContain('invalid_client (no such client)');
    for (const { out, note } of outcomes) {
      expect(out + note).not.toContain(secret);
      expect(out + note).not.toContain(issued);
    }
  });
});
