import { describe, expect, it } from 'vitest';
import { matches } from '../../../functions/fan-out/match.ts';
import type { EndpointFilter } from '../../../schemas/entity.ts';
import { makeEndpoint, makeEvent } from '../../helpers/deliveries.ts';

const wants = (filter: EndpointFilter, event = makeEvent()) => matches(makeEndpoint({ filter }), event);
const towerEvent = makeEvent({ type: 'tower.started', locker: null, data: {} });

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
});
