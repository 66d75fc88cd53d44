import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as z from 'zod';
import type { Inbox, ReceivedRequest } from '../helpers/receiver.ts';
import { otherSecret, secret, startWorld, type World } from './world.ts';

const towerId = '0000000000000001';
const BodySchema = z.object({
  timestamp: z.string(),
  event: z.string(),
  data: z.looseObject({ source: z.string(), timestamp: z.string() }),
});
const bodyOf = (request: ReceivedRequest) => BodySchema.parse(JSON.parse(request.body.toString()));
const fromSource = (source: string) => (request: ReceivedRequest) => bodyOf(request).data.source === source;

describe('a locker open request is told to its partner as the partner document says, and to nobody else', () => {
  let world: World;
  let inbox: Inbox;
  let strangers: Inbox;

  beforeAll(async () => {
    world = await startWorld({
      network: (receiver) => {
        inbox = receiver.expect('/luis', { secret });
        strangers = receiver.expect('/stranger', { secret: otherSecret });
        const endpoint = { contract: 'locker-open' as const };
        return {
          towers: [{ towerId, lockers: [{ locker: 9 }, { locker: 10 }] }],
          partners: [{ partnerId: 'luis' }, { partnerId: 'stranger' }],
          endpoints: [
            { ...endpoint, endpointId: 'luis-1', partnerId: 'luis', url: receiver.url('/luis'), secret },
            {
              ...endpoint,
              endpointId: 'stranger-1',
              partnerId: 'stranger',
              url: receiver.url('/stranger'),
              secret: otherSecret,
            },
          ],
          lockerOpenRequests: [
            {
              requestId: 56,
              partnerId: 'luis',
              towerId,
              locker: 9,
              flow: 'dropoff',
              payload: { extra: 'data', test: 123 },
              tokens: [{ tokenId: 52, clientInfo: 'Luis' }],
            },
          ],
        };
      },
    });
  });
  afterAll(() => world?.[Symbol.asyncDispose]());

  it('LOCKER_ASSIGNED, then LOCKER_OPERATION twice, to the byte', async () => {
    const assigned = await inbox.waitFor(fromSource('LOCKER_OPEN_LINK_CREATED'), 20_000);
    const created = await inbox.waitFor(fromSource('LOCKER_TOKEN_CREATED'), 20_000);
    const tower = await world.tower(towerId);
    const at = new Date(Date.now() + 1_000).toISOString().replace(/\.\d+Z$/, 'Z');
    await tower.publish({ type: 'token.used', locker: 9, tokenId: 52, at });
    const used = await inbox.waitFor(fromSource('LOCKER_TOKEN_USED'), 20_000);

    const expected = (request: ReceivedRequest, event: string, rest: string) =>
      `{"timestamp":"${bodyOf(request).timestamp}","event":"${event}","data":{"timestamp":"${bodyOf(request).data.timestamp}",` +
      `"locker_id":9,${rest}}}`;
    const payload = '{"extra":"data","test":123}';
    expect(assigned.body.toString()).toBe(
      expected(
        assigned,
        'LOCKER_ASSIGNED',
        `"locker_status":"rented","tower_id":"${towerId}","source":"LOCKER_OPEN_LINK_CREATED","reservation_id":null,` +
          `"open_locker_token_id":null,"keypad_code":null,"client_info":null,"locker_open_request_id":56,` +
          `"locker_open_request_payload":${payload}`,
      ),
    );
    expect(created.body.toString()).toBe(
      expected(
        created,
        'LOCKER_OPERATION',
        `"locker_status":"rented","tower_id":"${towerId}","source":"LOCKER_TOKEN_CREATED","reservation_id":null,` +
          `"open_locker_token_id":52,"keypad_code":null,"client_info":"Luis","locker_open_request_id":null,` +
          `"locker_open_request_payload":null`,
      ),
    );
    expect(used.body.toString()).toBe(
      expected(
        used,
        'LOCKER_OPERATION',
        `"locker_status":"occupied","tower_id":"${towerId}","source":"LOCKER_TOKEN_USED","reservation_id":null,` +
          `"open_locker_token_id":52,"keypad_code":null,"client_info":"Luis","locker_open_request_id":56,` +
          `"locker_open_request_payload":${payload}`,
      ),
    );
    // Whole seconds have no fraction; the emission time is local (UTC-3) and has no offset.
    expect(bodyOf(used).data.timestamp).toBe(at.replace('Z', '+00:00'));
    for (const request of [assigned, created, used]) {
      const { timestamp } = bodyOf(request);
      expect(timestamp).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$/);
      expect(Math.abs(Date.parse(`${timestamp}-03:00`) - request.arrivedAtMs)).toBeLessThan(60_000);
      expect(request.signature).toBe('ok');
    }
  }, 60_000);

  it('a token works once', async () => {
    const tower = await world.tower(towerId);
    await tower.publish({ type: 'token.used', locker: 9, tokenId: 52 });
    const refused = (await world.events()).filter((event) => event.type === 'locker.token_refused');
    expect(refused.map((event) => event.data)).toEqual([{ tokenId: 52, refusal: 'token_already_used' }]);
  });

  it('the other partner hears nothing', () => {
    expect(inbox.distinct).toBe(3);
    expect(strangers.requests).toEqual([]);
  });
});
