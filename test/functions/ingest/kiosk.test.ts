import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DeleteCommand } from '../../../functions/shared/aws/documents.ts';
import type { Queue } from '../../../schemas/position.ts';
import { tower, towerId } from '../domain/samples.ts';
import { startTables, type Tables } from '../shared/tables.ts';
import { createIngest, type Ingest } from './ingest.ts';
import { message, ruleEvent } from './publications.ts';

const queue: Queue = {
  kind: 'queue',
  queueId: 'q1',
  partnerId: 'acme',
  organization: 'acme-stores',
  location: 'Main Street',
  towerIds: [towerId],
  version: 1,
};
const foreignQueue: Queue = { ...queue, queueId: 'q2', partnerId: 'rival', towerIds: ['another'] };

let tables: Tables;
let ingest: Ingest;

beforeEach(async () => {
  tables = await startTables();
  ingest = createIngest(tables);
  await ingest.seed([tower, queue, foreignQueue]);
});
afterEach(async () => tables[Symbol.asyncDispose]());

const publish = async (payload: unknown) => ingest.handler(ruleEvent(payload));
const walkIn = (seq: number, fields: Record<string, unknown> = {}) =>
  message(seq, 'position.walk_in', { queue: 'q1', ...fields });
const checkIn = (seq: number, positionId: string) => message(seq, 'position.checked_in', { positionId });
const onlyPosition = async () => {
  const [position, ...others] = await ingest.entity('position');
  if (position === undefined || others.length > 0) throw new Error('expected exactly one');
  return position;
};
const typesInOrder = async () =>
  (await ingest.events()).toSorted((a, b) => (a.id < b.id ? -1 : 1)).map(({ type }) => type);

describe('a walk-in at the kiosk', () => {
  it('creates a ticket in the queue, told to the queue’s partner only', async () => {
    await publish(walkIn(1, { numberOfPeople: 2, label: 'A7', locale: 'sv', phoneNumber: '+4600000000' }));
    expect(await ingest.events()).toMatchObject([
      {
        type: 'position.created',
        cause: 'tower',
        towerId,
        locker: null,
        occurredAt: '2026-03-20T09:00:01.000Z',
        partnerIds: ['acme'],
        data: {
          type: 'walkIn',
          status: 'waiting',
          organization: 'acme-stores',
          numberOfPeople: 2,
          label: 'A7',
          locale: 'sv',
          notification: { type: 'phoneNumber', settings: { from: '', to: '+4600000000' } },
        },
      },
    ]);
    expect(await onlyPosition()).toMatchObject({ partnerId: 'acme', queue: 'q1', version: 1 });
  });

  it('that is repeated, also long after its event is gone, creates nothing again', async () => {
    await publish(walkIn(1));
    await publish(walkIn(1));
    expect(await ingest.events()).toHaveLength(1);
    const [event] = await tables.scan('events');
    await tables.documents.send(
      new DeleteCommand({
        TableName: 'events',
        Key: { pk: event?.['pk'], sk: event?.['sk'] },
      }),
    );
    await publish(walkIn(1));
    expect(await onlyPosition()).toMatchObject({ version: 1 });
  });

  it('into a queue that the tower does not serve, or that nobody knows, is quarantined', async () => {
    await publish([walkIn(1, { queue: 'q2' }), walkIn(2, { queue: 'nowhere' }), walkIn(3)]);
    expect(await ingest.quarantined()).toHaveLength(2);
    expect((await ingest.quarantined()).map(({ reason }) => reason)).toEqual([
      'unknown_queue',
      'unknown_queue',
    ]);
    expect(await ingest.events()).toHaveLength(1);
  });
});

describe('a check-in at the kiosk', () => {
  it('fulfils the position', async () => {
    await publish(walkIn(1));
    const { positionId } = await onlyPosition();
    await publish(checkIn(2, positionId));
    expect(await onlyPosition()).toMatchObject({
      status: 'fulfilled',
      fulfilledAt: '2026-03-20T09:00:02.000Z',
      version: 2,
    });
    expect(await typesInOrder()).toEqual(['position.created', 'position.fulfilled']);
  });

  it('that is repeated is one event; a second one is refused', async () => {
    await publish(walkIn(1));
    const { positionId } = await onlyPosition();
    await publish(checkIn(2, positionId));
    await publish(checkIn(2, positionId));
    await publish(checkIn(3, positionId));
    expect(await typesInOrder()).toEqual([
      'position.created',
      'position.fulfilled',
      'position.check_in_refused',
    ]);
    expect(await ingest.events()).toContainEqual(
      expect.objectContaining({
        type: 'position.check_in_refused',
        data: { positionId, queue: 'q1', status: 'fulfilled', refusal: 'transition_not_allowed' },
      }),
    );
    expect(await onlyPosition()).toMatchObject({ version: 2 });
  });

  it('of a position that nobody knows, or that stands elsewhere, is quarantined', async () => {
    await publish(walkIn(1));
    const { positionId, ...position } = await onlyPosition();
    await ingest.seed([{ ...position, positionId: 'elsewhere', queue: 'q2', partnerId: 'rival' }]);
    await publish([checkIn(2, 'nobody'), checkIn(3, 'elsewhere')]);
    expect((await ingest.quarantined()).map(({ reason }) => reason)).toEqual([
      'unknown_position',
      'unknown_position',
    ]);
    expect(await typesInOrder()).toEqual(['position.created']);
    expect(positionId).not.toBe('');
  });
});
