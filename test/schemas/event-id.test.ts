import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { eventIdOf, eventKey, parseEventId, subjectEventKey, timeToBase36 } from '../../schemas/event-id.ts';
import { instantFromMs } from '../../schemas/instant.ts';

const text = (alphabet: string, maxLength: number) =>
  fc.string({ unit: fc.constantFrom(...alphabet.split('')), minLength: 1, maxLength });

const source = fc.oneof(
  fc.record({ boot: text('b1-Z', 6), seq: fc.nat() }),
  fc.record({
    entity: fc.constantFrom('reservation' as const, 'request' as const, 'token' as const, 'test' as const),
    id: fc.oneof(text('R1-', 6), fc.nat()),
    version: fc.nat(),
  }),
  fc.record({ version: fc.nat() }),
);
const times = fc.integer({ min: 0, max: Date.parse('2059-01-01T00:00:00.000Z') }).map(instantFromMs);
const subject = fc.oneof(
  fc.record({ towerId: text('t0:_-', 8), locker: fc.option(fc.integer({ min: 1, max: 9_999 })) }),
  fc.record({
    kind: fc.constantFrom('booking' as const, 'position' as const, 'lock' as const, 'endpoint' as const),
    id: text('t0-', 8),
  }),
);
/** Times are few, so that ids that may be mistaken for each other are common. */
const named = fc.record({
  subject,
  at: fc.oneof(fc.constantFrom('2026-03-20T09:15:00.000Z', '2026-03-20T09:15:00.001Z'), times),
  source,
});
type Named = typeof named extends fc.Arbitrary<infer T> ? T : never;

const keyOf = ({ subject: of, at, source: from }: Named) => subjectEventKey(of, at, from);
const textOf = (one: Named) =>
  JSON.stringify([
    one.subject,
    one.at,
    'id' in one.source ? { ...one.source, id: String(one.source.id) } : one.source,
  ]);

describe('event ids', () => {
  it('contain their key', () => {
    fc.assert(
      fc.property(named, (one) => {
        expect(parseEventId(eventIdOf(keyOf(one)))).toEqual(keyOf(one));
      }),
    );
  });

  it('differ when anything differs', () => {
    fc.assert(
      fc.property(named, named, (a, b) => {
        expect(eventIdOf(keyOf(a)) === eventIdOf(keyOf(b))).toBe(textOf(a) === textOf(b));
      }),
      { numRuns: 2_000 },
    );
  });

  it('have no dots: a Standard Webhooks signature covers `id.timestamp.body`', () => {
    fc.assert(
      fc.property(named, (one) => {
        expect(eventIdOf(keyOf(one))).not.toContain('.');
      }),
    );
  });

  it('read as the documents show them', () => {
    const key = eventKey('0000000000000001', 9, '2026-03-20T09:15:00.000Z', { boot: 'b7', seq: 1042 });
    expect(eventIdOf(key)).toMatch(/^evt_0000000000000001-9_[0-9a-z]{8}_b7-1042$/);
    const booking = subjectEventKey({ kind: 'booking', id: 'B1' }, '2026-03-20T09:15:00.000Z', {
      version: 2,
    });
    expect(eventIdOf(booking)).toMatch(/^evt_booking~B1_[0-9a-z]{8}_v~2$/);
  });

  it('sort by time within a subject', () => {
    fc.assert(
      fc.property(times, times, (a, b) => {
        expect(timeToBase36(a) < timeToBase36(b)).toBe(a < b);
      }),
    );
  });

  it.each([
    '',
    'evt_',
    'evt_t_1_x',
    'dlv_t-1_mf3k2p1c_b7-1',
    'evt_t-1_mf3k2p1c_b7.1',
    'evt_queue~t_mf3k2p1c_v~1',
  ])('are not taken for such: %j', (id) => expect(parseEventId(id)).toBeNull());
});
