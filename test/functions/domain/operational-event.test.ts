import { describe, expect, it } from 'vitest';
import { deliveryDead, endpointEvent, sequenceSkipped } from '../../../functions/domain/operational-event.ts';
import { sampleEvent } from '../../../functions/domain/sample-event.ts';
import { matches } from '../../../functions/domain/match.ts';
import { DomainEventSchema, isOperational, type DomainEvent } from '../../../schemas/event.ts';
import { makeAttempts, makeEndpoint, makeEvent, makeRecord } from '../../helpers/deliveries.ts';

const now = '2026-03-20T10:00:00.000Z';
const context = { operatorPartnerId: 'operator', now };
const dead = makeRecord({ status: 'dead', reason: 'http_500', attempts: makeAttempts(3) });
const failing = (cause = 'a') =>
  endpointEvent('endpoint.failing', makeEndpoint(), { failingSince: now, reason: 'timeout', cause }, context);

const madeOf = (record = dead): DomainEvent => {
  const event = deliveryDead(record, context);
  if (event === null) throw new Error('no event');
  return event;
};

describe('an operational event', () => {
  it('is for the partner and the operator, about nobody’s tower, and as an event must be', () => {
    for (const event of [failing(), madeOf()]) {
      expect(event).toMatchObject({
        partnerIds: ['acme', 'operator'],
        cause: 'system',
        towerId: null,
        occurredAt: now,
        data: { endpointId: 'main', partnerId: 'acme' },
      });
      expect(DomainEventSchema.parse(event)).toEqual(event);
    }
  });

  it('of the operator’s own endpoint is for the operator, once', () => {
    const own = makeEndpoint({ partnerId: 'operator' });
    const change = { failingSince: null, reason: 'gone', cause: 'x' };
    expect(endpointEvent('endpoint.disabled', own, change, context).partnerIds).toEqual(['operator']);
  });

  it('of before it said whose endpoint it is about can still be read', () => {
    for (const event of [failing(), madeOf()]) {
      const { partnerId: _, ...data } = { partnerId: null, ...event.data };
      expect(DomainEventSchema.parse({ ...event, data })).toEqual({
        ...event,
        data: { ...data, partnerId: null },
      });
    }
  });

  it('told twice of one change is one event, of two changes two', () => {
    expect(failing('a').id).toBe(failing('a').id);
    expect(failing('a').id).not.toBe(failing('b').id);
    expect(madeOf().id).toBe(madeOf().id);
    // Sent again, and given up again.
    expect(madeOf({ ...dead, attempts: makeAttempts(5) }).id).not.toBe(madeOf().id);
  });

  it('names the delivery that was given up, its event, and why', () => {
    expect(madeOf().data).toEqual({
      deliveryId: dead.id,
      endpointId: 'main',
      partnerId: 'acme',
      eventId: dead.event.id,
      eventType: 'reservation.stocked',
      reason: 'http_500',
      attempts: 3,
      sequence: null,
      sequenceOf: null,
    });
  });

  it('names the number that is skipped, of what was sent in order', () => {
    const ordered = { ...dead, sequence: 7 };
    expect(deliveryDead(ordered, { ...context, lane: 'tower-9' })?.data).toMatchObject({
      sequence: 7,
      sequenceOf: 'tower-9',
    });
    // Where that is not known, or does not count, a number says nothing.
    for (const event of [deliveryDead(ordered, context), deliveryDead(dead, { ...context, lane: 'tower-9' })])
      expect(event?.data).toMatchObject({ sequence: null, sequenceOf: null });
  });

  it('is never made of a delivery of one: that would never end', () => {
    for (const about of [failing(), madeOf()]) {
      const record = makeRecord({ status: 'dead', reason: 'http_500', event: about });
      expect(deliveryDead(record, context)).toBeNull();
    }
  });

  it('is never made of a sample that somebody tried an endpoint with', () => {
    const sample = { endpoint: makeEndpoint(), type: 'reservation.stocked', sampleId: 'a1', now } as const;
    const event = sampleEvent(sample);
    if (event === null) throw new Error('no sample');
    const record = makeRecord({ status: 'dead', reason: 'http_500', event });
    expect(deliveryDead(record, context)).toBeNull();
  });

  it('goes to operational endpoints of its audience, and they hear nothing else', () => {
    const operational = makeEndpoint({ endpointId: 'watcher', operational: true });
    for (const event of [failing(), madeOf()]) {
      expect(isOperational(event.type)).toBe(true);
      expect(matches(operational, event)).toBe(true);
      expect(matches({ ...operational, partnerId: 'operator' }, event)).toBe(true);
      expect(matches({ ...operational, partnerId: 'rival' }, event)).toBe(false);
      expect(matches(makeEndpoint(), event)).toBe(false);
    }
    expect(matches(operational, makeEvent())).toBe(false);
  });

  it('of a skipped place in a lane goes to nobody by fan-out: the lane says so itself', () => {
    const skipped = sequenceSkipped({ ...dead, sequence: 4 }, { lane: '0000000000000001-9', now });
    expect(skipped).toMatchObject({
      partnerIds: ['acme'],
      towerId: '0000000000000001',
      locker: 9,
      data: { sequence: 4, sequenceOf: '0000000000000001-9', deliveryId: dead.id },
    });
    expect(matches(makeEndpoint(), skipped)).toBe(false);
    expect(matches(makeEndpoint({ operational: true }), skipped)).toBe(false);
  });
});
