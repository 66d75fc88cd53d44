import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  maxAttemptsBeforeReplay,
  ratesOf,
  roomOf,
  selects,
  slotsFor,
  type Candidate,
} from '../../../functions/domain/redrive.ts';
import type { DeliveryRecord } from '../../../schemas/delivery.ts';
import type { DomainEvent } from '../../../schemas/event.ts';
import { instantFromMs, instantToMs } from '../../../schemas/instant.ts';
import type { RedriveSource } from '../../../schemas/redrive.ts';
import {
  makeAttempts,
  makeEndpoint,
  makeEvent,
  makeEvents,
  makeRecord,
  makeRedrive,
  skippedEvent,
} from '../../helpers/deliveries.ts';

const nowMs = Date.parse('2026-03-20T09:15:00.000Z');
const now = instantFromMs(nowMs);

const event = makeEvent();
const withRecord = (overrides: Partial<Omit<DeliveryRecord, 'event'>>): Candidate => ({
  event,
  record: makeRecord(overrides),
});
/** Asked for a second after the event was received. */
const redrive = makeRedrive({}, instantFromMs(nowMs + 1_250));
const chosen = (
  source: RedriveSource,
  candidate: Candidate,
  filter = {},
  endpoint = makeEndpoint(),
): boolean => selects({ ...redrive, source, filter }, endpoint, candidate);

describe('a redrive sends', () => {
  it.each([
    ['dead', true, true],
    ['held', true, true],
    ['delivered', false, true],
    ['pending', false, false],
  ] as const)('what is %s: of the undelivered %s, of all events %s', (status, undelivered, events) => {
    expect(chosen('undelivered', withRecord({ status }))).toBe(undelivered);
    expect(chosen('events', withRecord({ status }))).toBe(events);
  });

  it('nothing that was attempted so often that its record would outgrow what DynamoDB takes', () => {
    const often = { status: 'dead', attempts: makeAttempts(maxAttemptsBeforeReplay) } as const;
    expect(chosen('undelivered', withRecord(often))).toBe(false);
    expect(chosen('events', withRecord(often))).toBe(false);
    // With the longest schedule after it.
    const most = makeAttempts(maxAttemptsBeforeReplay - 1 + 20);
    for (const attempt of most) {
      attempt.requestSha256 = 'a'.repeat(64);
      attempt.responseSha256 = 'a'.repeat(64);
      attempt.responseExcerpt = 'x'.repeat(1_024);
    }
    // JSON is longer than what DynamoDB counts.
    expect(Buffer.byteLength(JSON.stringify(makeRecord({ attempts: most })))).toBeLessThan(400 * 1_024);
  });

  it('what was never sent, of all events only', () => {
    expect(chosen('undelivered', { event, record: null })).toBe(false);
    expect(chosen('events', { event, record: null })).toBe(true);
  });

  it('nothing twice', () => {
    const replay = { redriveId: 'rdr-1', attemptsBefore: 1 };
    for (const status of ['dead', 'held', 'delivered'] as const)
      for (const source of ['undelivered', 'events'] as const)
        expect(chosen(source, withRecord({ status, replay }))).toBe(false);
    expect(
      chosen('undelivered', withRecord({ status: 'dead', replay: { ...replay, redriveId: null } })),
    ).toBe(true);
  });

  it('what happened since it was asked for only if it was not delivered as it happened', () => {
    const asked = (source: RedriveSource, record: DeliveryRecord | null, overrides = {}): boolean => {
      const now = { ...redrive, source, createdAt: event.receivedAt, ...overrides };
      return selects(now, makeEndpoint(), { event, record });
    };
    expect(asked('events', null)).toBe(true);
    expect(asked('events', makeRecord({ status: 'delivered' }))).toBe(false);
    expect(asked('events', makeRecord({ status: 'held' }))).toBe(true);
    expect(asked('undelivered', makeRecord({ status: 'held' }))).toBe(true);
    // Somebody asked for just this one.
    expect(asked('events', makeRecord({ status: 'delivered' }), { eventId: event.id })).toBe(true);
  });

  it('what its filter and, of events, the endpoint’s own let through', () => {
    const dead = withRecord({ status: 'dead' });
    const fresh = { event, record: null };
    expect(chosen('undelivered', dead, { lockers: [1] })).toBe(false);
    expect(chosen('events', fresh, { lockers: [1] })).toBe(false);
    const narrow = makeEndpoint({ filter: { types: ['locker.*'] } });
    expect(chosen('events', fresh, {}, narrow)).toBe(false);
    // It was owed when it happened.
    expect(chosen('undelivered', dead, {}, narrow)).toBe(true);
  });

  it('for the retry of one delivery, that one, whatever the endpoint’s filter wants now, and a test of it', () => {
    const narrow = makeEndpoint({ filter: { types: ['locker.*'] } });
    const retried = (
      of: DomainEvent,
      source: RedriveSource,
      record: Partial<Omit<DeliveryRecord, 'event'>>,
    ) =>
      selects({ ...redrive, source, eventId: of.id }, narrow, {
        event: of,
        record: makeRecord({ event: of, ...record }),
      });
    expect(retried(event, 'events', { status: 'delivered' })).toBe(true);
    expect(retried(event, 'undelivered', { status: 'dead' })).toBe(true);
    expect(retried(makeEvent({ test: { endpointId: 'main' } }), 'undelivered', { status: 'dead' })).toBe(
      true,
    );

    expect(retried(makeEvent({ test: { endpointId: 'other' } }), 'events', { status: 'delivered' })).toBe(
      false,
    );
    expect(retried(makeEvent({ partnerIds: ['rival'] }), 'undelivered', { status: 'dead' })).toBe(false);
    expect(retried(event, 'undelivered', { status: 'dead', partnerId: 'rival' })).toBe(false);
    expect(retried(event, 'undelivered', { status: 'delivered' })).toBe(false);
    expect(retried(event, 'events', { status: 'pending' })).toBe(false);
    expect(retried(skippedEvent, 'undelivered', { status: 'dead' })).toBe(false);
    const [one, other] = makeEvents(2).map((of) => ({
      event: of,
      record: makeRecord({ event: of, status: 'dead' }),
    }));
    if (one === undefined || other === undefined) throw new Error('no events');
    expect(selects({ ...redrive, eventId: one.event.id }, narrow, other)).toBe(false);
  });

  it('nothing of another partner, and no sample', () => {
    const foreign = makeEvent({ partnerIds: ['rival'] });
    expect(chosen('events', { event: foreign, record: null })).toBe(false);
    expect(chosen('undelivered', { event: foreign, record: makeRecord({ status: 'dead' }) })).toBe(false);
    expect(chosen('undelivered', withRecord({ status: 'dead', partnerId: 'rival' }))).toBe(false);
    const sample = makeEvent({ test: { endpointId: 'main' } });
    expect(chosen('undelivered', { event: sample, record: makeRecord({ status: 'dead' }) })).toBe(false);
  });
});

describe('the rate of a redrive', () => {
  it('is never exceeded by more than one, whenever it runs and however much it finds', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0.1, max: 100, noNaN: true }),
        fc.array(fc.tuple(fc.integer({ min: 0, max: 200_000 }), fc.nat(1_000)), { maxLength: 20 }),
        (perSecond, runs) => {
          let free = now;
          let atMs = nowMs;
          const turns: number[] = [];
          for (const [pauseMs, found] of runs) {
            atMs += pauseMs;
            const at = instantFromMs(atMs);
            const redrive = makeRedrive({ perSecond, nextSlotAt: free });
            const count = Math.min(found, roomOf(redrive, at));
            const { delaysMs, nextSlotAt } = slotsFor(redrive, count, at);
            for (const delayMs of delaysMs) {
              expect(delayMs).toBeGreaterThanOrEqual(0);
              // Within what SQS delays by.
              expect(delayMs).toBeLessThanOrEqual(60_000 + 1_000 / perSecond);
              turns.push(atMs + delayMs);
            }
            free = nextSlotAt;
          }
          for (const [index, turn] of turns.slice(1).entries())
            expect(turn - (turns[index] ?? 0)).toBeGreaterThanOrEqual(1_000 / perSecond - 0.01);
        },
      ),
    );
  });

  it('is shared with the other redrives of its endpoint', () => {
    const [alone, one, two] = [
      makeRedrive({ endpointId: 'other', perSecond: 60 }),
      makeRedrive({ perSecond: 90 }),
      makeRedrive({ perSecond: 60 }),
    ];
    const rates = ratesOf([alone, one, two], 100);
    expect([alone, one, two].map((redrive) => rates.get(redrive))).toEqual([60, 60, 40]);
  });

  it('fills the minute', () => {
    expect(roomOf(makeRedrive({ perSecond: 10 }), now)).toBe(600);
    expect(roomOf(makeRedrive({ perSecond: 0.1 }), now)).toBe(6);
    const { nextSlotAt } = slotsFor(makeRedrive({ perSecond: 10 }), 600, now);
    expect(instantToMs(nextSlotAt)).toBe(nowMs + 60_000);
    expect(roomOf(makeRedrive({ nextSlotAt }), now)).toBe(0);
  });
});
