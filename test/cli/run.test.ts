import { describe, expect, it } from 'vitest';
import { startFakeApi, towercast } from './fake-api.ts';

const token = 'planted-token-1234567890';
const env = { TOWERCAST_TOKEN: token };
const endpoint = { endpointId: 'main', url: 'https://a.example', active: true };

describe('a command sends what it was told', () => {
  it('flags become fields of the body by the document’s types', async () => {
    const { url, requests } = await startFakeApi(() => ({ status: 201, body: endpoint }));
    const filter = '{"types":["a"]}';
    const { code } = await towercast(
      `endpoints create --api ${url} --url https://a.example --locker 9 --no-active --tower-ids t1 --tower-ids t2 --filter ${filter}`,
      { env },
    );
    expect(code).toBe(0);
    expect(requests).toHaveLength(1);
    expect(requests[0]).toMatchObject({ method: 'POST', url: '/v1/endpoints' });
    expect(requests[0]?.headers).toMatchObject({
      authorization: `Bearer ${token}`,
      'content-type': 'application/json',
    });
    expect(requests[0]?.headers['idempotency-key']).toMatch(/^[0-9a-f-]{36}$/);
    expect(JSON.parse(requests[0]?.body ?? '')).toEqual({
      url: 'https://a.example',
      locker: 9,
      active: false,
      towerIds: ['t1', 't2'],
      filter: { types: ['a'] },
    });
  });

  it('a body may come from a file or standard input, and flags win over it', async () => {
    const { url, requests } = await startFakeApi(() => ({ status: 201, body: endpoint }));
    const files = {
      'body.json': '{"url":"https://file.example","locker":3}',
      '-': '{"url":"https://in.example"}',
    };
    const options = { env: { ...env, TOWERCAST_API: `${url}/` }, files };
    await towercast('endpoints create --body @body.json --locker 4', options);
    await towercast('endpoints create --body -', options);
    expect(requests.map(({ body }) => JSON.parse(body) as unknown)).toEqual([
      { url: 'https://file.example', locker: 4 },
      { url: 'https://in.example' },
    ]);
  });

  it('path arguments are escaped, and queries are sent as such', async () => {
    const { url, requests } = await startFakeApi(() => ({ body: { items: [], nextCursor: null } }));
    await towercast(['endpoints', 'get', 'a/b?c', '--api', url], { env });
    await towercast(`endpoints list --limit 5 --partner-id acme --api ${url}`, { env });
    expect(requests.map((request) => request.url)).toEqual([
      '/v1/endpoints/a%2Fb%3Fc',
      '/v1/endpoints?limit=5&partnerId=acme',
    ]);
  });

  it('a change is made to the version that is there, unless --if-match names one', async () => {
    const { url, requests } = await startFakeApi(() => ({ headers: { etag: '"7"' }, body: endpoint }));
    await towercast(`endpoints update main --url https://b.example --api ${url}`, { env });
    await towercast(['endpoints', 'update', 'main', '--if-match', '"3"', '--note', 'x', '--api', url], {
      env,
    });
    expect(requests.map(({ method, headers }) => [method, headers['if-match']])).toEqual([
      ['GET', undefined],
      ['PATCH', '"7"'],
      ['PATCH', '"3"'],
    ]);
  });
});

describe('a wrong command is refused before anything is sent, with exit code 2', () => {
  it.each([
    ['endpoints create', '--url is required'],
    ['endpoints create --url nonsense', '--url: '],
    ['endpoints create --url https://a.example --locker nine', '--locker: nine is no number'],
    ['endpoints create --url https://a.example --locker 0', '--locker: '],
    ['endpoints create --url https://a.example --contract other', '--contract: '],
    ['endpoints create --url https://a.example --filter {', '--filter: the value is no JSON'],
    ['endpoints create --url https://a.example --filter {"types":["far-too-long"]}', '--filter.types.0: '],
    ['endpoints create --body {"url":"https://a.example","colour":1}', '--body: colour is no field'],
    ['endpoints create --colour red', "Unknown option '--colour'"],
    ['endpoints get', '<endpoint-id> is missing'],
    ['endpoints get a b', 'b is one argument too many'],
    ['endpoints paint', 'paint is no command of endpoints: there are list, create'],
    ['colours list', 'colours is no group: there are endpoints, deliveries'],
    ['--verbose', 'the group comes first'],
  ])('%s', async (line, message) => {
    const { url, requests } = await startFakeApi(() => ({}));
    const { code, out, note } = await towercast(line, { env: { ...env, TOWERCAST_API: url } });
    expect({ code, out, sent: requests.length }).toEqual({ code: 2, out: '', sent: 0 });
    expect(note).toContain(message);
  });

  it('every mistake is told at once', async () => {
    const { note } = await towercast(
      'endpoints create --locker 0 --contract other --api http://127.0.0.1:1',
      { env },
    );
    expect(note).toMatch(/--url is required[^]*--contract: [^]*--locker: /);
  });
});

const range = (from: number, to = from) => ({ from, to });

describe('answers', () => {
  const items = [
    { endpointId: 'main', url: 'https://a.example', active: true, filter: { types: ['a'] }, note: null },
    { endpointId: 'other-one', url: 'https://b.example\u001b[2J', active: false, filter: {}, note: null },
  ];

  it('a list is a table, without control characters, that says what it left out and how to go on', async () => {
    const { url } = await startFakeApi(() => ({ body: { items, nextCursor: 'abc' } }));
    const { out, note } = await towercast(`endpoints list --api ${url}`, { env });
    expect(out.split('\n')).toEqual([
      'ENDPOINT ID  URL                    ACTIVE',
      'main         https://a.example      true',
      'other-one    https://b.example?[2J  false',
      '(--json also shows filter)',
    ]);
    expect(note).toBe('There is more: --cursor abc');
  });

  it('a narrow terminal gets fewer columns', async () => {
    const { url } = await startFakeApi(() => ({ body: { items, nextCursor: null } }));
    const { out } = await towercast(`endpoints list --api ${url}`, { env, columns: 24 });
    expect(out.split('\n')[0]).toBe('ENDPOINT ID  ACTIVE');
  });

  it('ids are whole, however long: they are for the next command', async () => {
    const id = `dlv_${'x'.repeat(80)}`;
    const rows = [{ id, status: 'dead', url: `https://${'a'.repeat(80)}.example` }];
    const { url } = await startFakeApi(() => ({ body: { items: rows, nextCursor: null } }));
    const { out } = await towercast(`endpoints list --api ${url}`, { env, columns: 80 });
    const [heading, row] = out.split('\n');
    expect(heading).toMatch(/^ID +STATUS$/);
    expect(row).toBe(`${id}  dead`);
    const wide = await towercast(`endpoints list --api ${url}`, { env, columns: 200 });
    expect(wide.out).toContain(`${id}  dead    https://${'a'.repeat(51)}…`);
  });

  it('ranges of what is missing are shown', async () => {
    const rows = [
      { boot: 'b7', missing: [range(3, 5), range(9)] },
      { boot: 'b6', missing: [range(1), range(3), range(5), range(7), range(9, 12)] },
      { boot: 'b5', missing: [] },
    ];
    const { url } = await startFakeApi(() => ({ body: { items: rows, nextCursor: null } }));
    expect((await towercast(`endpoints list --api ${url}`, { env })).out.split('\n')).toEqual([
      'BOOT  MISSING',
      'b7    3-5,9',
      'b6    1,3,5 and 2 more',
      'b5',
    ]);
  });

  it('--json is the body itself, in one line', async () => {
    const { url } = await startFakeApi(() => ({ body: { items, nextCursor: null } }));
    const { out } = await towercast(`endpoints list --json --api ${url}`, { env });
    expect(JSON.parse(out)).toEqual({ items, nextCursor: null });
    expect(out).not.toContain('\n');
  });

  it('the secret that an answer gives once is shown', async () => {
    const { url } = await startFakeApi(() => ({ body: { ...endpoint, secret: 'whsec_c2VjcmV0' } }));
    expect((await towercast(`endpoints rotate-secret main --api ${url}`, { env })).out).toContain(
      'SECRET       whsec_c2VjcmV0',
    );
  });

  it('no body is Done', async () => {
    const { url } = await startFakeApi(() => ({ status: 204 }));
    expect(await towercast(`endpoints delete main --api ${url}`, { env })).toMatchObject({
      code: 0,
      out: '',
      note: 'Done.',
    });
  });
});

describe('a refusal is told with each field, with exit code 1', () => {
  const problem = {
    type: 'about:blank',
    status: 400,
    code: 'validation_failed',
    detail: 'One field is not valid.',
    errors: [{ pointer: '/body/url', detail: 'must be https' }],
  };

  it('for people', async () => {
    const { url } = await startFakeApi(() => ({ status: 400, body: problem }));
    expect(await towercast(`endpoints get main --api ${url}`, { env })).toMatchObject({
      code: 1,
      out: '',
      note: '400 validation_failed: One field is not valid.\n  /body/url (--url): must be https',
    });
  });

  it('and for scripts, on standard error', async () => {
    const { url } = await startFakeApi(() => ({ status: 400, body: problem }));
    const { code, out, note } = await towercast(`endpoints get main --json --api ${url}`, { env });
    expect({ code, out, note: JSON.parse(note) as unknown }).toEqual({ code: 1, out: '', note: problem });
  });

  it('with the reason in www-authenticate where the body gives none', async () => {
    const challenge = 'Bearer error="invalid_token" error_description="the token has expired"';
    const { url } = await startFakeApi(() => ({
      status: 401,
      headers: { 'www-authenticate': challenge },
      body: { message: 'Unauthorized' },
    }));
    expect((await towercast(`endpoints get main --api ${url}`, { env })).note).toBe(
      '401: Unauthorized (the token has expired)',
    );
  });

  it('also when the answer is no problem document, a redirect, or none at all', async () => {
    const odd = await startFakeApi(() => ({ status: 502, body: 'Bad gateway' }));
    expect(await towercast(`endpoints get main --api ${odd.url}`, { env })).toMatchObject({
      code: 1,
      note: '502',
    });
    const redirecting = await startFakeApi(() => ({ status: 302, headers: { location: odd.url } }));
    expect((await towercast(`endpoints get main --api ${redirecting.url}`, { env })).code).toBe(1);
    expect(odd.requests).toHaveLength(1);
    const { code, note } = await towercast('endpoints get main --api http://127.0.0.1:1', { env });
    expect({ code, note }).toEqual({
      code: 1,
      note: "can't reach http://127.0.0.1:1: is the stack running?",
    });
  });
});

describe('help', () => {
  it.each([
    ['login --help', 'login --api URL'],
    ['logout --help', 'logout\n'],
    ['whoami -h', 'whoami [options]\n'],
    ['endpoints create --help', 'endpoints create [options]\n'],
    ['help', 'GROUP COMMAND [arguments]\n'],
    ['help whoami', 'whoami [options]\n'],
    ['help endpoints', 'endpoints COMMAND [arguments]\n'],
  ])('%s', async (line, usage) => {
    const { code, out, note } = await towercast(line);
    expect({ code, note }).toEqual({ code: 0, note: '' });
    expect(out.startsWith(`npm run towercast -- ${usage}`)).toBe(true);
  });
});

const delivery = (id: string, status: string, attempts: number) => ({
  id,
  endpointId: 'main',
  eventType: 'parcel.stocked',
  receivedAt: '2026-03-20T09:15:00.000Z',
  status,
  reason: null,
  attempts: Array.from({ length: attempts }, (_, index) => ({
    at: `2026-03-20T09:15:0${index}.000Z`,
    status: 500,
    reason: 'http_500',
    durationMs: 12.4,
  })),
});

describe('deliveries tail', () => {
  it('prints what is new or changed since it started, once, for every endpoint', async () => {
    const rounds = [
      [delivery('d1', 'delivered', 1)],
      [delivery('d2', 'pending', 1), delivery('d1', 'delivered', 1)],
      [delivery('d2', 'dead', 2), delivery('d1', 'delivered', 1)],
    ];
    let round = 0;
    const { url } = await startFakeApi(({ url: asked }) =>
      asked.startsWith('/v1/endpoints?')
        ? { body: { items: [endpoint], nextCursor: null } }
        : { body: { items: rounds[round++], nextCursor: null } },
    );
    const { code, out } = await towercast(`deliveries tail --partner-id acme --api ${url}`, {
      env,
      rounds: 2,
    });
    expect(code).toBe(0);
    expect(out.split('\n').map((line) => line.replaceAll(/ +/g, ' '))).toEqual([
      '09:15:00.000 main parcel.stocked pending http_500 12 ms d2',
      '09:15:01.000 main parcel.stocked dead attempt 2 http_500 12 ms d2',
    ]);
  });

  it('misses nothing when more came than a page holds', async () => {
    const known = delivery('d1', 'delivered', 1);
    let round = 0;
    const { url, requests } = await startFakeApi(({ url: asked }) => {
      if (asked.includes('cursor=more'))
        return { body: { items: [delivery('d2', 'delivered', 1), known], nextCursor: 'last' } };
      round += 1;
      return { body: { items: [round === 1 ? known : delivery('d3', 'delivered', 1)], nextCursor: 'more' } };
    });
    const { out } = await towercast(`deliveries tail main --api ${url}`, { env, rounds: 1 });
    expect(out.match(/d\d$/gm)).toEqual(['d3', 'd2']);
    // The past is not read, nor anything beyond what is known.
    expect(requests).toHaveLength(3);
  });

  it('survives an outage in between, but not a refusal at the start', async () => {
    let round = 0;
    const { url } = await startFakeApi(() => {
      round += 1;
      return round === 2 ? { status: 503 } : { body: { items: [delivery(`d${round}`, 'delivered', 1)] } };
    });
    const { code, out, note } = await towercast(`deliveries tail main --json --api ${url}`, {
      env,
      rounds: 2,
    });
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ id: 'd3' });
    expect(note).toContain('503');
    const refusing = await startFakeApi(() => ({ status: 403 }));
    expect((await towercast(`deliveries tail main --api ${refusing.url}`, { env, rounds: 9 })).code).toBe(1);
    expect(refusing.requests).toHaveLength(1);
  });
});
