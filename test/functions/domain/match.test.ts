import { describe, expect, it } from 'vitest';
import { matches } from '../../../functions/domain/match.ts';
import { endpointEvent } from '../../../functions/domain/operational-event.ts';
import type { EndpointFilter } from '../../../schemas/endpoint.ts';
import { makeBookingEvent, makeEndpoint, makeEvent } from '../../helpers/deliveries.ts';

const wants = (filter: EndpointFilter, event = makeEvent()) => matches(makeEndpoint({ filter }), event);
const towerEvent = makeEvent({ type: 'tower.started', locker: null, data: {} });

const failingOf = (endpointId: string) =>
  endpointEvent(
    'endpoint.failing',
    { partnerId: 'acme', endpointId },
    { failingSince: null, reason: 'timeout', cause: '1' },
    { operatorPartnerId: null, now: '2026-03-20T09:15:00.000Z' },
  );

describe('matches', () => {
  it('takes everything of the audience without a filter', () => {
    expect(wants({})).toBe(true);
    expect(wants({}, towerEvent)).toBe(true);
  });

  it('takes nothing that the partner may not know of', () => {
    expect(wants({}, makeEvent({ partnerIds: ['rival'] }))).toBe(false);
    expect(wants({}, makeEvent({ partnerIds: [] }))).toBe(false);
  });

  it.each([
    [['reservation.stocked'], true],
    [['reservation.*'], true],
    [['locker.*', 'reservation.stocked'], true],
    [['reservation.expired'], false],
    [['locker.*'], false],
    // A family is no prefix.
    [['reserv.*'], false],
  ])('by types %j: %s', (types, expected) => {
    expect(wants({ types })).toBe(expected);
  });

  it('by tower', () => {
    expect(wants({ towerIds: ['0000000000000001'] })).toBe(true);
    expect(wants({ towerIds: ['0000000000000002'] })).toBe(false);
  });

  it('by locker, where what concerns the tower as a whole is at none', () => {
    expect(wants({ lockers: [8, 9] })).toBe(true);
    expect(wants({ lockers: [8] })).toBe(false);
    expect(wants({ lockers: [9] }, towerEvent)).toBe(false);
  });

  it('by lock, where what happened at no lock is at none of them', () => {
    const data = {
      lockId: 'gate',
      lockName: 'Gate',
      keyId: 'K-1',
      keyOrigin: 'app',
      appUserId: '',
      userName: '',
    };
    const atLock = makeEvent({ type: 'access.unlocked', data });
    expect(wants({ lockIds: ['door', 'gate'] }, atLock)).toBe(true);
    expect(wants({ lockIds: ['door'] }, atLock)).toBe(false);
    expect(wants({ lockIds: ['gate'] })).toBe(false);
  });

  it('a sample for the endpoint that it is for, whatever the filter, if its contract can say it', () => {
    const sample = makeEvent({ test: { endpointId: 'main' } });
    expect(wants({ types: ['locker.*'] }, sample)).toBe(true);
    expect(matches(makeEndpoint({ endpointId: 'other' }), sample)).toBe(false);
    expect(matches(makeEndpoint({ contract: 'locker-open' }), sample)).toBe(false);
    expect(matches(makeEndpoint({ partnerId: 'rival' }), sample)).toBe(false);
  });

  it('only if every part of the filter does', () => {
    expect(wants({ types: ['reservation.*'], towerIds: ['0000000000000002'] })).toBe(false);
  });

  it('only what the contract can say', () => {
    const event = makeEvent({ type: 'locker.opened', data: { lockerStatus: 'rented' } });
    expect(matches(makeEndpoint({ contract: 'reservation-status' }), event)).toBe(false);
    expect(matches(makeEndpoint({ contract: 'locker-open' }), event)).toBe(false);
    expect(matches(makeEndpoint({ contract: 'standard' }), event)).toBe(true);
    expect(matches(makeEndpoint({ contract: 'reservation-status' }), makeEvent({ cause: 'api' }))).toBe(
      false,
    );
  });

  it('also when the endpoint is disabled: what it misses is held', () => {
    expect(matches(makeEndpoint({ status: 'disabled' }), makeEvent())).toBe(true);
  });

  it('takes bookings of its department only, if it is an integration', () => {
    const integration = { name: 'Ours', departmentId: 'dep-1', apiVersion: 'v1' } as const;
    const ours = makeEndpoint({ contract: 'message-pointer', integration });
    const data = { ...makeBookingEvent().data, departmentId: 'dep-2' };
    expect(matches(ours, makeBookingEvent())).toBe(true);
    expect(matches(ours, makeBookingEvent({ data }))).toBe(false);
    expect(matches(makeEndpoint(), makeBookingEvent({ data }))).toBe(true);
  });

  it('takes nothing that happened at no tower, if it filters by tower', () => {
    expect(wants({ towerIds: ['0000000000000001'] }, makeBookingEvent())).toBe(false);
    expect(wants({ lockers: [9] }, makeBookingEvent())).toBe(false);
  });

  it('tells an operational endpoint how others fare, and not itself', () => {
    const watcher = makeEndpoint({ endpointId: 'watcher', operational: true });
    expect(matches(watcher, failingOf('main'))).toBe(true);
    expect(matches(watcher, failingOf('watcher'))).toBe(false);
  });
});
