import { describe, expect, it } from 'vitest';
import { renderLockerOpen } from '../../../../functions/deliver/contracts/locker-open.ts';
import type { DomainEvent } from '../../../../schemas/event.ts';
import { makeEndpoint, makeEvent } from '../../../helpers/deliveries.ts';
import { samplesOf } from './seeds.ts';

const endpoint = makeEndpoint({ contract: 'locker-open' });
const render = (event: DomainEvent, operatorTimeZone = 'America/Argentina/Buenos_Aires') => {
  const rendering = renderLockerOpen(event, endpoint, { operatorTimeZone });
  return rendering === null ? null : Buffer.from(rendering.body).toString('utf8');
};

const request = { requestId: 56, requestPayload: '{"extra":"data","test":123}' };
const linkCreated = makeEvent({
  type: 'locker.assigned',
  occurredAt: '2025-04-01T16:02:36.884285Z',
  receivedAt: '2025-04-01T16:02:37.120Z',
  data: { lockerStatus: 'rented', ...request, tokenId: null, clientInfo: null },
});
const tokenCreated = makeEvent({
  type: 'locker.token_created',
  occurredAt: '2025-04-01T16:12:57.521044Z',
  receivedAt: '2025-04-01T16:12:57.999Z',
  data: { lockerStatus: 'rented', ...request, tokenId: 52, clientInfo: 'Luis' },
});
const tokenUsed = makeEvent({
  type: 'locker.token_used',
  occurredAt: '2025-04-01T16:15:45.000Z',
  receivedAt: '2025-04-01T16:15:47.000Z',
  data: { lockerStatus: 'occupied', ...request, tokenId: 52, clientInfo: 'Luis' },
});

/** The timestamp of the whole, or of its data. */
const outer = (receivedAt: string, zone: string) =>
  /^\{"timestamp":"([^"]+)"/.exec(render({ ...linkCreated, receivedAt }, zone) ?? '')?.[1];
const inner = (occurredAt: string) =>
  /"data":\{"timestamp":"([^"]+)"/.exec(render({ ...linkCreated, occurredAt }) ?? '')?.[1];

describe('the locker-open contract', () => {
  const [assigned, created, used, ...others] = samplesOf('locker-open');

  it('has three samples in its document', () => {
    expect([assigned, created, used, others.length]).toEqual([
      expect.stringContaining('LOCKER_OPEN_LINK_CREATED'),
      expect.stringContaining('LOCKER_TOKEN_CREATED'),
      expect.stringContaining('LOCKER_TOKEN_USED'),
      0,
    ]);
  });

  it('says a created link as the document does, to the byte', () => {
    expect(render(linkCreated)).toBe(assigned);
  });

  it('says a created token as the document does, to the byte', () => {
    expect(render(tokenCreated)).toBe(created);
  });

  it('says a used token as the document does, to the byte', () => {
    expect(render(tokenUsed)).toBe(used);
  });

  it('sends JSON by the endpoint’s method', () => {
    expect(
      renderLockerOpen(linkCreated, makeEndpoint({ method: 'PUT' }), { operatorTimeZone: 'UTC' }),
    ).toMatchObject({ method: 'PUT', headers: { 'content-type': 'application/json' } });
  });

  it('fills milliseconds up to microseconds and drops a fraction of zero', () => {
    expect(inner('2025-04-01T16:02:36.884Z')).toBe('2025-04-01T16:02:36.884000+00:00');
    expect(inner('2025-04-01T16:02:36.000001Z')).toBe('2025-04-01T16:02:36.000001+00:00');
    expect(inner('2025-04-01T16:02:36.000Z')).toBe('2025-04-01T16:02:36+00:00');
    expect(inner('2025-04-01T16:02:36.000000Z')).toBe('2025-04-01T16:02:36+00:00');
  });

  it('shows the emission in the operator’s wall clock, across midnight and daylight saving', () => {
    expect(outer('2025-04-01T02:30:00.999Z', 'America/Argentina/Buenos_Aires')).toBe('2025-03-31T23:30:00');
    expect(outer('2025-01-01T23:00:00.000Z', 'Europe/Berlin')).toBe('2025-01-02T00:00:00');
    expect(outer('2025-07-01T22:00:00.000Z', 'Europe/Berlin')).toBe('2025-07-02T00:00:00');
    expect(outer('2025-07-01T22:00:00.000Z', 'UTC')).toBe('2025-07-01T22:00:00');
  });

  it('has no way to say anything else', () => {
    expect(render(makeEvent())).toBeNull();
    expect(render(makeEvent({ type: 'locker.opened', data: { lockerStatus: 'rented' } }))).toBeNull();
  });
});
