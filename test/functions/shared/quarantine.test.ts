import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createQuarantineStore } from '../../../functions/shared/quarantine.ts';
import type { QuarantineRecord } from '../../../schemas/quarantine.ts';
import { inPart } from './partial-answers.ts';
import { startTables, type Tables } from './tables.ts';

let tables: Tables;
beforeAll(async () => {
  tables = await startTables();
});
afterAll(async () => tables[Symbol.asyncDispose]());

const records = (traceId: string, count: number): QuarantineRecord[] =>
  Array.from({ length: count }, (_, index) => ({
    kind: 'quarantine',
    topic: 'towers/t1/events',
    clientId: 't1',
    traceId,
    index,
    reason: 'invalid_message',
    detail: 'type',
    count: 1,
    raw: 'e30=',
    truncated: false,
    receivedAt: '2026-03-20T10:00:00.000Z',
  }));

const kept = async (traceId: string) =>
  (await tables.scan('entities')).filter((item) => item['traceId'] === traceId).map((item) => item['index']);

describe('what is quarantined', () => {
  it('is kept as a whole, though DynamoDB leaves a part undone time after time', async () => {
    const documents = tables.connect(inPart('BatchWriteItem', { times: 4 }));
    await createQuarantineStore({ ...tables, documents }).write(records('patient', 30));
    expect((await kept('patient')).toSorted((a, b) => Number(a) - Number(b))).toEqual(
      Array.from({ length: 30 }, (_, index) => index),
    );
  });

  it('is not taken for kept when DynamoDB goes on leaving some of it undone', async () => {
    const documents = tables.connect(inPart('BatchWriteItem', { times: Infinity }));
    const writing = createQuarantineStore({ ...tables, documents }).write(records('refused', 3));
    await expect(writing).rejects.toMatchObject({ code: 'quarantine_not_written' });
    expect((await kept('refused')).length).toBeLessThan(3);
  });
});
