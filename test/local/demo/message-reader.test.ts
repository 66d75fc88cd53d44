import { describe, expect, it } from 'vitest';
import type { ApiClient, ApiRequest } from '../../../local/demo/api-client.ts';
import { createMessageReader } from '../../../local/demo/message-reader.ts';

const booking = {
  bookingId: 'B1',
  departmentId: 'north',
  start: '2026-03-21T10:00:00.000Z',
  end: '2026-03-21T11:00:00.000Z',
  numberOfPeople: 4,
  customer: { name: 'Ada Lovelace' },
};

function createReader() {
  const requests: ApiRequest[] = [];
  const api: ApiClient = {
    send: async (_, request) => {
      requests.push(request);
      return { status: 200, version: null, body: { action: 'edit', booking } };
    },
  };
  return { requests, reader: createMessageReader(api, 'client') };
}

describe('the partner that gets message pointers', () => {
  it('reads a message and then acknowledges it', async () => {
    const { requests, reader } = createReader();
    expect(await reader.notice('evt_booking~B1_x')).toEqual({
      what: 'read and acknowledged',
      detail: 'edit: Ada Lovelace, 4 people, 2026-03-21 10:00',
    });
    expect(requests).toEqual([
      { method: 'GET', path: '/message/evt_booking~B1_x' },
      { method: 'POST', path: '/message/evt_booking~B1_x' },
    ]);
  });

  it('leaves every fourth one until its notification comes again', async () => {
    const { requests, reader } = createReader();
    for (const id of ['a', 'b', 'c', 'd']) await reader.notice(id);
    expect(requests).toHaveLength(6);
    expect([reader.noticesOf('c'), reader.noticesOf('d')]).toEqual([1, 2]);
    await reader.notice('d');
    expect(requests.at(-1)).toEqual({ method: 'POST', path: '/message/d' });
    expect(reader.noticesOf('d')).toBe(1);
  });
});
