import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { signIn, type ApiClient } from '../helpers/api-client.ts';
import type { Inbox, ReceivedRequest } from '../helpers/receiver.ts';
import type { Tower } from '../helpers/tower.ts';
import { otherSecret, secret, startWorld, type World } from './world.ts';

const towerId = '0000000000000001';
const silentTowerId = '0000000000000002';
const payload = { extra: 'data', test: 123 };
const CreatedSchema = z.looseObject({ requestId: z.int(), locker: z.int(), link: z.url() });
const CommandSchema = z.object({
  commandId: z.string(),
  type: z.literal('open'),
  locker: z.int(),
  tokenId: z.int(),
  expiresAt: z.iso.datetime(),
});
const BodySchema = z.object({
  timestamp: z.string(),
  event: z.string(),
  data: z.looseObject({
    source: z.string(),
    timestamp: z.string(),
    locker_open_request_id: z.int().nullable(),
  }),
});
const bodyOf = (request: ReceivedRequest) => BodySchema.parse(JSON.parse(request.body.toString()));
const StandardSchema = z.object({ type: z.string(), data: z.looseObject({}) });

const view = async (link: string) => {
  const response = await fetch(link);
  return { status: response.status, title: /<title>(.*?)<\/title>/.exec(await response.text())?.[1] };
};
const press = async (link: string, name: string) =>
  fetch(link, { method: 'POST', body: new URLSearchParams({ name }), redirect: 'manual' });
const expected = (request: ReceivedRequest, event: string, rest: string) =>
  `{"timestamp":"${bodyOf(request).timestamp}","event":"${event}","data":{"timestamp":"${bodyOf(request).data.timestamp}",` +
  `"locker_id":9,${rest}}}`;

describe('a service provider’s locker open requests, from HTTP to the door and back', () => {
  let world: World;
  let inbox: Inbox;
  let everything: Inbox;
  let provider: ApiClient;
  let rival: ApiClient;
  let tower: Tower;

  beforeAll(async () => {
    world = await startWorld({
      // A tower that is not there is given up soon, and one that is there has time to obey.
      stageConfig: {
        lockerOpen: { linkHours: 24, commandSeconds: 10 },
        operatorTimeZone: 'America/Argentina/Buenos_Aires',
      },
      network: (receiver) => {
        inbox = receiver.expect('/luis', { secret });
        everything = receiver.expect('/standard', { secret: otherSecret });
        const endpoint = { partnerId: 'luis', contract: 'locker-open' as const };
        return {
          towers: [towerId, silentTowerId].map((id) => ({
            towerId: id,
            partnerIds: ['luis', 'rival'],
            lockers: [{ locker: 9 }],
          })),
          partners: [
            { partnerId: 'luis', clientIds: ['luis-backend'] },
            { partnerId: 'rival', clientIds: ['rival-backend'] },
          ],
          endpoints: [
            { ...endpoint, endpointId: 'luis-1', url: receiver.url('/luis'), secret },
            {
              ...endpoint,
              endpointId: 'luis-2',
              contract: 'standard',
              url: receiver.url('/standard'),
              secret: otherSecret,
            },
          ],
        };
      },
    });
    provider = await signIn(world.stack.ready, 'luis-backend', 'partner');
    rival = await signIn(world.stack.ready, 'rival-backend', 'partner');
    tower = await world.tower(towerId);
  });
  afterAll(() => world?.[Symbol.asyncDispose]());

  const create = async (body: Record<string, unknown>) =>
    provider.call('POST', '/v1/locker-open-requests', { body });
  const told = async (source: string, requestId: number | null, tokenId: number | null) =>
    inbox.waitFor(({ body }) => {
      const { data } = BodySchema.parse(JSON.parse(body.toString()));
      return (
        data.source === source &&
        data.locker_open_request_id === requestId &&
        data['open_locker_token_id'] === tokenId
      );
    }, 20_000);
  /** The tower obeys its next command. */
  const obey = async (tokenId: number, at: string) => {
    const command = CommandSchema.parse(
      await tower.waitForCommand((one) => one['type'] === 'open' && one['tokenId'] === tokenId),
    );
    await tower.publish({ type: 'command.result', commandId: command.commandId, outcome: 'opened' });
    await tower.publish({ type: 'token.used', locker: command.locker, tokenId, at });
    return command;
  };
  const json = JSON.stringify(payload);

  it('drop-off: link, token and its use are told to the byte, and the door is opened once', async () => {
    const created = CreatedSchema.parse((await create({ towerId, flow: 'dropoff', payload })).json);
    expect(created).toMatchObject({ requestId: 1, locker: 9 });
    expect(created.link.startsWith(`${world.stack.ready.api}/o/`)).toBe(true);
    expect(await view(created.link)).toEqual({ status: 200, title: 'Open locker 9' });
    expect(await view(`${created.link}?fbclid=1`)).toMatchObject({ status: 200 });
    const head = await fetch(created.link, { method: 'HEAD' });
    expect([head.status, head.headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8']);
    expect((await press(created.link, 'Luis')).status).toBe(303);
    expect((await press(created.link, 'Luis')).status).toBe(303);
    const at = new Date(Date.now() + 1_000).toISOString().replace(/\.\d+Z$/, 'Z');
    const command = await obey(1, at);
    expect(Date.parse(command.expiresAt)).toBeGreaterThan(Date.now() - 60_000);

    const place = `"tower_id":"${towerId}","source":`;
    const assigned = await told('LOCKER_OPEN_LINK_CREATED', 1, null);
    expect(assigned.body.toString()).toBe(
      expected(
        assigned,
        'LOCKER_ASSIGNED',
        `"locker_status":"rented",${place}"LOCKER_OPEN_LINK_CREATED","reservation_id":null,` +
          `"open_locker_token_id":null,"keypad_code":null,"client_info":null,"locker_open_request_id":1,` +
          `"locker_open_request_payload":${json}`,
      ),
    );
    const token = await told('LOCKER_TOKEN_CREATED', null, 1);
    expect(token.body.toString()).toBe(
      expected(
        token,
        'LOCKER_OPERATION',
        `"locker_status":"rented",${place}"LOCKER_TOKEN_CREATED","reservation_id":null,` +
          `"open_locker_token_id":1,"keypad_code":null,"client_info":"Luis","locker_open_request_id":null,` +
          `"locker_open_request_payload":null`,
      ),
    );
    const used = await told('LOCKER_TOKEN_USED', 1, 1);
    expect(used.body.toString()).toBe(
      expected(
        used,
        'LOCKER_OPERATION',
        `"locker_status":"occupied",${place}"LOCKER_TOKEN_USED","reservation_id":null,` +
          `"open_locker_token_id":1,"keypad_code":null,"client_info":"Luis","locker_open_request_id":1,` +
          `"locker_open_request_payload":${json}`,
      ),
    );
    expect(bodyOf(used).data.timestamp).toBe(at.replace('Z', '+00:00'));
    expect(await view(created.link)).toEqual({ status: 200, title: 'Locker 9 is open' });
    expect(tower.commands.filter(({ type }) => type === 'open')).toHaveLength(1);
    expect(await create({ towerId, flow: 'dropoff' })).toMatchObject({
      status: 409,
      json: { code: 'no_locker_available' },
    });
  }, 60_000);

  it('pick-up: the locker that holds the item, available afterwards', async () => {
    const created = CreatedSchema.parse(
      (await create({ towerId, flow: 'pickup', itemRequestId: 1, payload })).json,
    );
    await press(created.link, 'Ana');
    const tokens = await world.entities('token');
    const tokenId = z.int().parse(tokens.find(({ clientInfo }) => clientInfo === 'Ana')?.['tokenId']);
    await obey(tokenId, new Date(Date.now() + 2_000).toISOString());
    const used = await told('LOCKER_TOKEN_USED', created.requestId, tokenId);
    expect(bodyOf(used).data).toMatchObject({ locker_status: 'available', client_info: 'Ana' });
    expect((await told('LOCKER_OPEN_LINK_CREATED', created.requestId, null)).signature).toBe('ok');
  }, 60_000);

  it('links, requests and commands of another partner are out of reach', async () => {
    expect((await rival.call('GET', '/v1/locker-open-requests/1')).status).toBe(404);
    expect((await rival.call('POST', '/v1/locker-open-requests/1/cancel')).status).toBe(404);
    const [command] = await world.entities('command');
    expect((await rival.call('GET', `/v1/commands/${String(command?.['commandId'])}`)).status).toBe(404);
    expect((await fetch(`${world.stack.ready.api}/o/${'A'.repeat(43)}`)).status).toBe(404);
  });

  it('a command that no tower took expires, which the page and a webhook tell', async () => {
    const created = CreatedSchema.parse(
      (await create({ towerId: silentTowerId, flow: 'dropoff', payload })).json,
    );
    await press(created.link, 'Eva');
    const expired = await everything.waitFor(({ body }) => {
      const { type, data } = StandardSchema.parse(JSON.parse(body.toString()));
      return type === 'command.expired' && data['requestId'] === created.requestId;
    }, 120_000);
    expect(StandardSchema.parse(JSON.parse(expired.body.toString())).data).toMatchObject({
      cause: 'timer',
      outcome: 'expired',
      towerId: silentTowerId,
    });
    expect(await view(created.link)).toEqual({ status: 200, title: 'The tower is offline' });
  }, 150_000);
});
