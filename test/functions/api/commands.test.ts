import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { towerId } from '../domain/samples.ts';
import { startLockerWorld, type LockerWorld } from './locker-world.ts';

let world: LockerWorld;
let page: string;
let commandId: string;
let locker: unknown;

beforeEach(async () => {
  world = await startLockerWorld();
  const body = { towerId, flow: 'dropoff' };
  const { json } = await world.call('POST', '/v1/locker-open-requests', { as: 'opener', body });
  page = new URL(String(json['link'])).pathname;
  locker = json['locker'];
  await world.call('POST', page, { form: { name: 'Luis' } });
  commandId = world.commands[0]?.commandId ?? '';
});
afterEach(async () => world[Symbol.asyncDispose]());

const outcome = async () =>
  (await world.call('GET', `/v1/commands/${commandId}`, { as: 'opener' })).json['outcome'];
const outcomeEvents = async () =>
  (await world.eventTypes()).filter((type) => type.startsWith('command.') && type !== 'command.sent');

describe('an open command', () => {
  it('goes to the tower with its token and an expiry', async () => {
    expect(world.commands).toEqual([
      { commandId, type: 'open', locker, tokenId: 1, expiresAt: '2026-03-20T09:00:30.000Z' },
    ]);
    expect(await world.call('GET', `/v1/commands/${commandId}`, { as: 'opener' })).toMatchObject({
      status: 200,
      json: { commandId, type: 'open', towerId, locker, tokenId: 1, requestId: 1, outcome: null },
    });
  });

  it('belongs to its partner', async () => {
    expect((await world.call('GET', `/v1/commands/${commandId}`, { as: 'carrier' })).status).toBe(404);
    const mine = await world.call('GET', '/v1/commands', { as: 'opener' });
    expect(mine.json).toMatchObject({ items: [{ commandId }] });
    expect((await world.call('GET', '/v1/commands', { as: 'carrier' })).json).toMatchObject({ items: [] });
  });

  it.each([
    ['opened', undefined],
    ['refused', 'jammed'],
  ])('is %s when the tower says so, once', async (result, reason) => {
    const message = { type: 'command.result', commandId, outcome: result, reason };
    await world.tell(message);
    await world.tell(message);
    await world.tell({ ...message, outcome: result === 'opened' ? 'refused' : 'opened' });
    expect(await outcome()).toBe(result);
    expect(await outcomeEvents()).toEqual([`command.${result}`]);
    const told = (await world.events()).find(({ type }) => type === `command.${result}`);
    expect(told).toMatchObject({ partnerIds: ['opener'], data: { commandId, reason: reason ?? null } });
  });

  it('is opened when its token is used, which tells of it', async () => {
    await world.tell({ type: 'token.used', locker, tokenId: 1 });
    expect(await outcome()).toBe('opened');
    await world.tell({ type: 'command.result', commandId, outcome: 'opened' });
    expect(await outcomeEvents()).toEqual([]);
    const used = (await world.events()).find(({ type }) => type === 'locker.token_used');
    expect(used?.data).toMatchObject({ commandId });
  });

  it('is told once when the tower says both', async () => {
    await world.tell({ type: 'command.result', commandId, outcome: 'opened' });
    await world.tell({ type: 'token.used', locker, tokenId: 1 });
    expect(await outcomeEvents()).toEqual(['command.opened']);
    const used = (await world.events()).find(({ type }) => type === 'locker.token_used');
    expect(used?.data).not.toHaveProperty('commandId');
  });

  it('expires when the tower is not heard of, and not before an answer could arrive', async () => {
    world.laterBy(44);
    await world.runTimers();
    expect(await outcome()).toBeNull();
    world.laterBy(16);
    await world.runTimers();
    await world.runTimers();
    expect(await outcome()).toBe('expired');
    expect(await outcomeEvents()).toEqual(['command.expired']);
    const told = (await world.events()).find(({ type }) => type === 'command.expired');
    expect(told).toMatchObject({ cause: 'timer', occurredAt: '2026-03-20T09:00:45.000Z' });
  });

  it('is unknown when the tower lives and does not answer', async () => {
    world.laterBy(20);
    await world.tell({ type: 'tower.heartbeat' });
    world.laterBy(40);
    await world.runTimers();
    expect(await outcome()).toBe('unknown');
    expect(await outcomeEvents()).toEqual(['command.unknown']);
  });

  it('keeps its outcome when the tower answers after all; the use of the token still counts', async () => {
    world.laterBy(60);
    await world.runTimers();
    await world.tell({ type: 'command.result', commandId, outcome: 'opened' });
    await world.tell({ type: 'token.used', locker, tokenId: 1 });
    expect(await outcome()).toBe('expired');
    expect(await outcomeEvents()).toEqual(['command.expired']);
    expect(await world.eventTypes()).toContain('locker.token_used');
  });

  it('of an unknown name is quarantined', async () => {
    await world.tell({ type: 'command.result', commandId: 'nobodys', outcome: 'opened' });
    const quarantined = (await world.tables.scan('entities')).filter(({ kind }) => kind === 'quarantine');
    expect(quarantined).toMatchObject([{ reason: 'unknown_command', detail: 'nobodys' }]);
  });
});
