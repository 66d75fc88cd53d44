import { afterAll, beforeAll, expect, it } from 'vitest';
import { createEntityStore } from '../../../functions/shared/entity-store.ts';
import { createReadMessages } from '../../../functions/shared/read-messages.ts';
import type { ReadMessage } from '../../../schemas/booking.ts';
import { startTables, type Tables } from './tables.ts';

let tables: Tables;
beforeAll(async () => {
  tables = await startTables();
});
afterAll(async () => tables[Symbol.asyncDispose]());

it('a message is read from when it was marked as read', async () => {
  const messages = createReadMessages(tables);
  const read: ReadMessage = {
    kind: 'message',
    messageId: 'evt_booking~b1_mmykbvk0_v~1',
    partnerId: 'acme',
    readAt: '2026-03-20T09:15:00.000Z',
    expiresAt: 1_781_000_000,
    version: 0,
  };
  expect(await messages.readAt(read.messageId)).toBeNull();
  const entities = createEntityStore(tables);
  expect(await entities.putNew(read)).toBe(true);
  expect(await messages.readAt(read.messageId)).toBe(read.readAt);
  expect(await messages.readAt('evt_booking~b1_mmykbvk0_v~2')).toBeNull();
  // Nobody marks it twice, and the first time stands.
  expect(await entities.putNew({ ...read, readAt: '2026-03-20T10:00:00.000Z' })).toBe(false);
  // TTL takes what is an epoch second in a number.
  expect(await tables.scan('entities')).toMatchObject([{ expiresAt: 1_781_000_000 }]);
});
