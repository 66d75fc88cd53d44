import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { towerId } from '../domain/samples.ts';
import { startLockerWorld, type LockerWorld } from './locker-world.ts';

let world: LockerWorld;
let page: string;
let locker: unknown;

beforeEach(async () => {
  world = await startLockerWorld(1);
  const body = { towerId, flow: 'dropoff' };
  const { json } = await world.call('POST', '/v1/locker-open-requests', { as: 'opener', body });
  page = new URL(String(json['link'])).pathname;
  locker = json['locker'];
});
afterEach(async () => world[Symbol.asyncDispose]());

const press = async (name = 'Luis') => world.call('POST', page, { form: { name } });
const see = async () => world.call('GET', page);
const titleOf = (body: string): string | undefined => /<title>(.*?)<\/title>/.exec(body)?.[1];
const title = async () => titleOf((await see()).body);

describe('the page behind a link', () => {
  it('shows tower and locker, a field for the name and one button, and changes nothing', async () => {
    const { status, body } = await see();
    expect(status).toBe(200);
    expect(body).toContain(`Tower<strong>${towerId}</strong>`);
    expect(titleOf(body)).toBe(`Open locker ${String(locker)}`);
    expect(body.match(/<button/g)).toHaveLength(1);
    expect(body).toContain('name="name"');
    // In the operator's local time.
    expect(body).toContain('21 Mar 2026, 06:00');
    expect(await world.eventTypes()).toEqual(['locker.assigned']);
    expect(world.commands).toEqual([]);
  });

  it('lets no script run, no cache keep it, no frame show it and no site learn its address', async () => {
    for (const answer of [await see(), await press(), await see(), await world.call('GET', '/o/nothing')]) {
      const policy = answer.headers['content-security-policy'] ?? '';
      expect(policy).toContain("default-src 'none'");
      expect(policy).toContain("frame-ancestors 'none'");
      expect(policy).not.toContain('unsafe');
      expect(policy).not.toContain('script-src');
      expect(answer.headers).toMatchObject({
        'cache-control': 'no-store',
        'referrer-policy': 'no-referrer',
        'x-content-type-options': 'nosniff',
        'x-frame-options': 'DENY',
        'content-type': 'text/html; charset=utf-8',
      });
      expect(answer.body).not.toMatch(/<script|javascript:| on\w+=/i);
    }
  });

  it('creates the token with the name, sends the command and comes back', async () => {
    expect(await press('  Luis\n ')).toMatchObject({ status: 303, headers: { location: page }, body: '' });
    const created = (await world.events()).find(({ type }) => type === 'locker.token_created');
    expect(created).toMatchObject({
      cause: 'api',
      data: { tokenId: 1, clientInfo: 'Luis', lockerStatus: 'rented' },
    });
    expect(world.commands).toHaveLength(1);
    const after = await see();
    expect(titleOf(after.body)).toBe(`Opening locker ${String(locker)}…`);
    expect(after.headers['refresh']).toBe('2');
  });

  it('opens once when the button is pressed many times', async () => {
    const answers = await Promise.all(Array.from({ length: 8 }, async () => press()));
    await press('Somebody else');
    expect(answers.every(({ status }) => status === 303)).toBe(true);
    expect(world.commands).toHaveLength(1);
    expect(await world.entity('token')).toHaveLength(1);
    expect(await world.eventTypes()).toEqual(['command.sent', 'locker.assigned', 'locker.token_created']);
  });

  it('asks for the name when it is missing', async () => {
    const answer = await press('   ');
    expect(answer.status).toBe(422);
    expect(answer.body).toContain('Enter your name.');
    expect(world.commands).toEqual([]);
  });

  it('shows that the locker opened, and later that the link was used', async () => {
    await press();
    await world.tell({ type: 'token.used', locker, tokenId: 1 });
    expect(await title()).toBe(`Locker ${String(locker)} is open`);
    expect((await see()).headers).not.toHaveProperty('refresh');
    world.laterBy(600);
    expect(await title()).toBe('This link was already used');
    await press();
    expect(world.commands).toHaveLength(1);
  });

  it('shows that the tower is offline, and lets the same token be tried again', async () => {
    await press();
    world.laterBy(46);
    expect(await title()).toBe('The tower is offline');
    expect((await press()).status).toBe(303);
    expect(world.commands.map((command) => command.type === 'open' && command.tokenId)).toEqual([1, 1]);
    expect(await world.entity('token')).toHaveLength(1);
    const outcomes = (await world.entity('command')).map(({ outcome }) => outcome);
    expect(new Set(outcomes)).toEqual(new Set(['expired', null]));
    expect(await title()).toBe(`Opening locker ${String(locker)}…`);
    await world.tell({ type: 'token.used', locker, tokenId: 1 });
    expect(await title()).toBe(`Locker ${String(locker)} is open`);
  });

  it('shows that the tower refused or did not say', async () => {
    await press();
    const commandId = world.commands[0]?.commandId;
    await world.tell({ type: 'command.result', commandId, outcome: 'refused', reason: 'jammed' });
    expect(await title()).toBe(`Locker ${String(locker)} did not open`);
    await press();
    await world.tell({ type: 'tower.heartbeat' });
    world.laterBy(10);
    await world.tell({ type: 'tower.heartbeat' });
    world.laterBy(60);
    expect(await title()).toBe(`Is locker ${String(locker)} open?`);
  });

  it('comes back also when the broker took no command, and says offline in the end', async () => {
    world.breakBroker();
    expect((await press()).status).toBe(303);
    expect(world.warnings).toHaveLength(1);
    world.laterBy(46);
    expect(await title()).toBe('The tower is offline');
  });

  it('shows that the link has expired', async () => {
    world.laterBy(24 * 3_600);
    const answer = await see();
    expect(answer.status).toBe(410);
    expect(titleOf(answer.body)).toBe('This link has expired');
    await press();
    expect(world.commands).toEqual([]);
  });

  it('does not open a locker that was put to another use', async () => {
    await world.tell({ type: 'parcel.stocked', locker, reservationId: 'RES-X' });
    expect(await title()).toBe('This link no longer fits');
    await press();
    expect(world.commands).toEqual([]);
  });

  it('says no more of a wrong link than that it is wrong', async () => {
    for (const path of ['/o/nothing', `${page}x`, '/o/%3Cscript%3E']) {
      const answer = await world.call('GET', path);
      expect(answer.status).toBe(404);
      expect(titleOf(answer.body)).toBe('This link is not valid');
      expect((await world.call('POST', path, { form: { name: 'Luis' } })).status).toBe(404);
    }
  });

  it.each([{ fbclid: '1' }, { utm_source: 'mail', utm_medium: 'x' }])(
    'does not mind what programs add to the link: %j',
    async (query) => {
      expect((await world.call('GET', page, { query })).status).toBe(200);
      expect((await world.call('POST', page, { query, form: { name: 'Luis' } })).status).toBe(303);
      expect(world.commands).toHaveLength(1);
    },
  );

  it('cuts a name of any length', async () => {
    expect((await press('名'.repeat(5_000))).status).toBe(303);
    expect((await world.entity('token'))[0]?.clientInfo).toBe('名'.repeat(100));
  });

  it.each([
    ['no form', {}, 400],
    ['JSON', { body: { name: 'Luis' } }, 415],
    ['too much', { form: { name: 'x'.repeat(70_000) } }, 413],
  ])('tells a person on a page, as safe as the others, what went wrong: %s', async (_, call, status) => {
    const answer = await world.call('POST', page, {
      headers: { 'content-type': 'application/json' },
      ...call,
      ...('form' in call && { headers: {} }),
    });
    expect(answer.status).toBe(status);
    expect(titleOf(answer.body)).toBe('That did not work');
    const { refresh: _refresh, ...headers } = (await see()).headers;
    expect(answer.headers).toMatchObject(headers);
  });

  it('answers HEAD like GET, without the page', async () => {
    const { status, headers } = await see();
    expect(await world.call('HEAD', page)).toMatchObject({ status, headers, body: '' });
    expect((await world.call('HEAD', '/o/nothing')).status).toBe(404);
    expect((await world.call('HEAD', '/v1/towers')).status).toBe(405);
    expect((await world.call('PUT', page)).headers['allow']).toBe('GET, HEAD, OPTIONS, POST');
    expect(await world.eventTypes()).toEqual(['locker.assigned']);
  });

  it('leaves out of a name what would write the text after it backwards, or end a line', async () => {
    expect((await press('\u202E')).status).toBe(422);
    expect((await press('\u202ELu\u2066is\u2069\u2028Ortega\u0007')).status).toBe(303);
    expect((await world.entity('token'))[0]?.clientInfo).toBe('Luis Ortega');
  });

  it('takes names as text, however hostile or long', async () => {
    await press(`<script>alert(1)</script>${'x'.repeat(500)}`);
    const [token] = await world.entity('token');
    expect(token?.clientInfo).toHaveLength(100);
    expect((await see()).body).not.toContain('<script');
  });
});
