import { describe, expect, it } from 'vitest';
import { healthItem } from '../../functions/shared/endpoint-health.ts';
import { entityItem } from '../../functions/shared/entity-item.ts';
import { deliveryItem } from '../../functions/shared/delivery-item.ts';
import { stageDefaults } from '../../lib/stage-defaults.ts';
import { ReservationStatusSchema, type Entity } from '../../schemas/entity.ts';
import { locker, reservationWith, tower } from '../functions/domain/samples.ts';
import { makeEvents, makeRecord } from '../helpers/deliveries.ts';
import { makeHealth } from '../helpers/health.ts';

const { dueShards, retentionDays } = stageDefaults.prod;
const listing = (entity: Entity) => {
  const { listPk, listSk } = entityItem(entity, dueShards);
  return { listPk, listSk };
};
const progress: Entity = {
  kind: 'progress',
  towerId: tower.towerId,
  boot: 'b7',
  contiguous: 9,
  ranges: [],
  lastSeenAt: '2026-03-20T09:15:00.000Z',
  version: 3,
};

/** An index takes 1,000 writes a second for each of its partition keys, and holds up its table beyond. */
describe('no index key takes the writes of a fleet', () => {
  it('what waits of one endpoint is spread over all shards of the due index', () => {
    const waiting = makeRecord({ status: 'pending', dueAt: '2026-03-21T09:15:00.000Z' });
    const shards = makeEvents(4_000).map(({ id }) => {
      const record = Object.assign({}, waiting, { event: Object.assign({}, waiting.event, { id }) });
      return deliveryItem(record, { dueShards, retentionDays })['duePk'];
    });
    const counts = [...Map.groupBy(shards, String).values()].map(({ length }) => length);
    expect(counts).toHaveLength(dueShards);
    expect(Math.max(...counts)).toBeLessThan((1.3 * shards.length) / dueShards);
  });

  it('reservations of one partner are spread likewise', () => {
    const shards = Array.from({ length: 4_000 }, (_, number) =>
      entityItem({ ...reservationWith(), reservationId: `RES-${number}` }, dueShards),
    ).map(({ duePk }) => String(duePk));
    const counts = [...Map.groupBy(shards, String).values()].map(({ length }) => length);
    expect(counts).toHaveLength(dueShards);
    expect(Math.max(...counts)).toBeLessThan((1.3 * shards.length) / dueShards);
  });

  it('endpoints that fail at the same time are spread likewise', () => {
    const shards = Array.from({ length: 4_000 }, (_, number) => {
      const health = makeHealth({ endpointId: `e${number}`, dueAt: '2026-03-21T09:15:00.000Z' });
      return healthItem(health, 0, dueShards)['duePk'];
    });
    const counts = [...Map.groupBy(shards, String).values()].map(({ length }) => length);
    expect(counts).toHaveLength(dueShards);
    expect(Math.max(...counts)).toBeLessThan((1.3 * shards.length) / dueShards);
  });

  it.each([locker, progress])('what is written with each event is in no list: $kind', (entity) => {
    expect(listing(entity)).toEqual({ listPk: undefined, listSk: undefined });
  });

  it('a reservation that moves stays where it is in its list, so that the index isn’t written', () => {
    const places = ReservationStatusSchema.options.map((status) =>
      JSON.stringify(listing(reservationWith({ status }))),
    );
    expect(new Set(places).size).toBe(1);
  });
});
