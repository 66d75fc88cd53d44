import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Webhook } from 'standardwebhooks';
import type { ApiClient, ApiRequest } from '../../../local/demo/api-client.ts';
import { eventName } from '../../../local/demo/event-name.ts';
import { Ledger } from '../../../local/demo/ledger.ts';
import type { DemoLine } from '../../../local/demo/line.ts';
import { escapehub, gatekeeper, marketplace, type DemoPartner } from '../../../local/demo/network.ts';
import { startPartners, type Partners } from '../../../local/demo/partners.ts';
import { Waiting } from '../../../local/demo/waiting.ts';
import { eventIdOf, subjectEventKey, type EventSubject } from '../../../schemas/event-id.ts';

const at = '2026-03-20T09:15:00.000Z';
const place: EventSubject = { towerId: '0000000000000001', locker: 9 };
const booking: EventSubject = { kind: 'booking', id: '3f0a2b1c-5d84' };
const idOf = (subject: EventSubject, version: number) => eventIdOf(subjectEventKey(subject, at, { version }));

const details = {
  bookingId: 'B1',
  departmentId: 'north',
  start: at,
  end: at,
  numberOfPeople: 2,
  customer: { name: 'Ada' },
};

function complain(error: unknown): never {
  throw error;
}

describe('the partners of the demo', () => {
  let partners: Partners;
  let ledger: Ledger;
  let lines: DemoLine[];
  let asked: ApiRequest[];
  let waiting: Waiting;
  const untilLines = (count: number) =>
    waiting.until(
      () => (lines.length >= count ? lines : undefined),
      5_000,
      () => `${count} lines`,
    );
  beforeEach(async () => {
    [ledger, lines, asked, waiting] = [new Ledger(), [], [], new Waiting()];
    const api: ApiClient = {
      send: async (_, request) => {
        asked.push(request);
        return { status: 200, version: null, body: { action: 'add', booking: details } };
      },
    };
    const print = (line: DemoLine) => {
      lines.push(line);
      waiting.look();
    };
    partners = await startPartners({ api, ledger, print, complain });
  });
  afterEach(() => partners.close());

  interface Sent {
    id: string;
    body?: string;
    headers?: Record<string, string>;
    secret?: string;
  }
  const post = async ({ path, secret: own }: DemoPartner, { id, body = '', headers, secret = own }: Sent) => {
    const now = new Date();
    const signed = {
      'webhook-id': id,
      'webhook-timestamp': String(Math.floor(now.getTime() / 1_000)),
      'webhook-signature': new Webhook(secret).sign(id, now, body),
    };
    const init = { method: 'POST', headers: { ...signed, ...headers }, body };
    return (await fetch(`${partners.origin}${path}`, init)).status;
  };

  it('accept what is signed and comes from who it should', async () => {
    const [id, body] = [idOf({ kind: 'lock', id: 'gate' }, 1), '{"action":"unlocked"}'];
    const basic = Buffer.from('gatekeeper:gatekeeper-password').toString('base64');
    const headers = { authorization: `Basic ${basic}` };
    expect(await post(gatekeeper, { id, body, headers })).toBe(204);
    expect(await post(gatekeeper, { id, body })).toBe(401);
    expect(await post(gatekeeper, { id, body, headers, secret: marketplace.secret })).toBe(401);
    await untilLines(4);
    expect(lines.map((line) => (line.kind === 'delivery' ? line.signature : line.kind))).toEqual([
      'event',
      'ok',
      'ok',
      'bad',
    ]);
  });

  it('tell the latency of what the demo caused itself, also when the webhook was faster than the answer', async () => {
    const call = Promise.withResolvers<void>();
    const underWay = ledger.during(call.promise);
    const id = idOf(place, 1);
    expect(await post(marketplace, { id, body: '{"type":"locker.assigned"}' })).toBe(204);
    expect(lines).toEqual([]);
    ledger.add(eventName(place, { version: 1 }), performance.timeOrigin + performance.now() - 50);
    call.resolve();
    await underWay;
    await untilLines(1);
    expect(lines).toMatchObject([{ kind: 'delivery', what: 'locker.assigned', where: '0000000000000001' }]);
    const [line] = lines;
    expect(line?.kind === 'delivery' && line.latencyMs).toBeTypeOf('number');
  });

  it('announce what nobody here caused, once', async () => {
    const body = '{"type":"reservation.expired"}';
    await post(marketplace, { id: idOf(place, 2), body });
    await post(marketplace, { id: idOf(place, 2), body });
    await untilLines(3);
    expect(lines.map(({ kind }) => kind)).toEqual(['event', 'delivery', 'delivery']);
    expect(lines[0]).toMatchObject({ detail: 'its time had come' });
  });

  it('read the message behind a pointer, after its line', async () => {
    const id = idOf(booking, 1);
    ledger.add(eventName(booking, { version: 1 }), null);
    expect(await post(escapehub, { id })).toBe(204);
    await untilLines(2);
    expect(lines).toMatchObject([
      { kind: 'delivery', what: 'a message to read', where: 'booking 3f0a2b1c', attempt: 1 },
      { kind: 'reading', what: 'read and acknowledged', where: 'booking 3f0a2b1c' },
    ]);
    expect(asked.map(({ method }) => method)).toEqual(['GET', 'POST']);
  });

  it('read nothing that is not signed', async () => {
    expect(await post(escapehub, { id: idOf(booking, 1), secret: marketplace.secret })).toBe(401);
    await untilLines(2);
    expect(asked).toEqual([]);
  });
});
