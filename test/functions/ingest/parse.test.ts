import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parsePublication } from '../../../functions/ingest/parse.ts';
import type { QuarantineReason } from '../../../schemas/quarantine.ts';
import { towerId } from '../domain/samples.ts';
import { message, opened, receivedAtMs, ruleEvent } from './publications.ts';

const parse = (payload: unknown, topic?: string) =>
  parsePublication(ruleEvent(payload, topic === undefined ? {} : { topic }));

const badMessages: [QuarantineReason, unknown][] = [
  ['not_object', null],
  ['not_object', 7],
  ['not_object', 'locker.opened'],
  ['not_object', [opened(1)]],
  ['unknown_type', message(1, 'locker.exploded')],
  ['invalid_message', {}],
  ['invalid_message', { ...opened(1), v: 2 }],
  ['invalid_message', { ...opened(1), boot: 'b_7' }],
  ['invalid_message', { ...opened(1), boot: 'b~7' }],
  ['invalid_message', { ...opened(1), seq: -1 }],
  ['invalid_message', { ...opened(1), seq: 1e300 }],
  ['invalid_message', { ...opened(1), at: '2026-02-30T00:00:00Z' }],
  ['invalid_message', { ...opened(1), at: 1_774_000_000 }],
  ['invalid_message', { ...opened(1), locker: 0 }],
  ['invalid_message', { ...opened(1), type: 7 }],
  ['invalid_message', message(1, 'parcel.stocked', { locker: 9, reservationId: 'RES_1' })],
  ['invalid_message', message(1, 'keypad.used', { locker: 9, code: '\u{d800}' })],
  ['clock_ahead', { ...opened(1), at: '2026-03-20T09:25:02Z' }],
  ['clock_ahead', { ...opened(1), at: '9999-12-31T23:59:59-14:00' }],
  ['clock_implausible', { ...opened(1), at: '1970-01-01T00:00:00Z' }],
  ['clock_implausible', { ...opened(1), at: '0000-01-01T00:00:00+14:00' }],
];

describe('parsePublication', () => {
  it('accepts one message or an array of them, in order', () => {
    expect(parse(opened(1))).toMatchObject({
      towerId,
      isArray: false,
      accepted: [{ index: 0 }],
      rejected: [],
    });
    const many = parse([opened(3), opened(1), opened(2)]);
    expect(many.isArray).toBe(true);
    expect(many.accepted.map(({ message: { seq } }) => seq)).toEqual([3, 1, 2]);
  });

  it('reads the time as a UTC instant, and takes clocks up to ten minutes ahead', () => {
    const { accepted } = parse([
      { ...opened(1), at: '2026-03-20T10:15:00.5+01:00' },
      { ...opened(2), at: '2026-03-20T09:25:01Z' },
    ]);
    expect(accepted.map(({ at }) => at)).toEqual(['2026-03-20T09:15:00.500Z', '2026-03-20T09:25:01.000Z']);
  });

  it('drops fields that a newer firmware adds', () => {
    const { accepted } = parse({ ...opened(1), temperature: 4 });
    expect(accepted[0]?.message).toEqual(opened(1));
  });

  it.each(badMessages)('rejects as %s: %j', (reason, bad) => {
    expect(parse([bad]).rejected).toMatchObject([{ index: 0, reason }]);
    expect(parse([bad]).accepted).toEqual([]);
  });

  it('goes on with the rest of an array', () => {
    const { accepted, rejected } = parse([opened(1), ...badMessages.map(([, bad]) => bad), opened(2)]);
    expect(accepted).toHaveLength(2);
    expect(rejected).toHaveLength(badMessages.length);
  });

  it.each<[QuarantineReason, unknown, string?]>([
    ['not_utf8', Buffer.from([0x7b, 0xff, 0x7d])],
    ['not_json', ''],
    ['not_json', '{"v":1,'],
    ['not_json', '\u{0}'],
    ['oversized', `"${'x'.repeat(128 * 1024)}"`],
    ['topic_mismatch', opened(1), 'towers/a/b/events'],
    ['topic_mismatch', opened(1), 'towers/a.b/events'],
    ['topic_mismatch', opened(1), 'towers//events'],
  ])('rejects a publication as a whole as %s, with its bytes', (reason, payload, topic) => {
    const publication = parse(payload, topic);
    const raw = Buffer.from(ruleEvent(payload).payload, 'base64');
    expect(publication).toMatchObject({ accepted: [], rejected: [{ index: 0, reason }], seqs: [] });
    expect(publication.rejected[0]?.raw.equals(raw)).toBe(true);
  });

  it('keeps a rejected message’s own bytes', () => {
    const written = '{ "v": 1,  "type": "nothing" }';
    expect(parse(written).rejected[0]?.raw.toString()).toBe(written);
    expect(parse(`[${written}]`).rejected[0]?.raw.toString()).toBe('{"v":1,"type":"nothing"}');
  });

  it('notes the place in the sequence of rejected messages too: to send them again is no use', () => {
    const { seqs } = parse([opened(1), message(2, 'locker.exploded'), { ...opened(3), at: 'yesterday' }, 7]);
    expect(seqs).toEqual([1, 2, 3].map((seq) => ({ boot: 'b7', seq, isStart: false })));
  });

  it('takes a message that is twice in an array once', () => {
    const { accepted, repeated } = parse([opened(1), opened(1), opened(1, 8), opened(2)]);
    expect(accepted).toHaveLength(3);
    expect(repeated).toBe(1);
  });

  it('accounts for every element, whatever it is', () => {
    const almost = fc.record(
      {
        v: fc.constantFrom<unknown>(1, 2, '1'),
        boot: fc.oneof(fc.constant('b7'), fc.string()),
        seq: fc.oneof(fc.nat(5), fc.double()),
        at: fc.oneof(
          fc.constant('2026-03-20T09:15:00Z'),
          fc.date({ noInvalidDate: true }).map((date) => date.toISOString()),
          fc.string(),
        ),
        type: fc.oneof(fc.constantFrom('locker.opened', 'keypad.used', 'tower.heartbeat'), fc.string()),
        locker: fc.oneof(fc.integer({ min: 0, max: 9 }), fc.string()),
        code: fc.string({ unit: 'binary' }),
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(fc.array(fc.oneof(almost, fc.jsonValue()), { maxLength: 10 }), (elements) => {
        const { accepted, rejected, repeated } = parse(elements);
        expect(accepted.length + rejected.length + repeated).toBe(elements.length);
      }),
      { numRuns: 500 },
    );
  });

  it('survives any bytes on any topic', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.string(), (bytes, topic) => {
        const event = ruleEvent(bytes, { topic, receivedAt: receivedAtMs });
        const { accepted, rejected } = parsePublication(event);
        expect(accepted.length + rejected.length).toBeGreaterThan(0);
      }),
    );
  });

  it('survives JSON that nests as deep as a payload allows', () => {
    const depth = 60_000;
    expect(parse(`[${'['.repeat(depth)}${']'.repeat(depth)}]`).rejected).toMatchObject([
      { reason: 'not_object' },
    ]);
    const object = `${'{"a":'.repeat(20_000)}1${'}'.repeat(20_000)}`;
    expect(parse(`[${object}]`).rejected).toMatchObject([{ reason: 'invalid_message' }]);
  });

  it('takes __proto__ for a field like any other', () => {
    const { accepted } = parse('{"v":1,"boot":"b7","seq":1,"__proto__":{"type":"tower.heartbeat"}}');
    expect(accepted).toEqual([]);
    expect('type' in {}).toBe(false);
  });
});
