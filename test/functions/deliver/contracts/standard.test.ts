import { describe, expect, it } from 'vitest';
import { renderStandard } from '../../../../functions/deliver/contracts/standard.ts';
import type { Endpoint } from '../../../../schemas/endpoint.ts';
import type { DomainEvent } from '../../../../schemas/event.ts';
import { makeEndpoint, makeEvent } from '../../../helpers/deliveries.ts';

const render = (event: DomainEvent, detail: Endpoint['detail']): unknown =>
  JSON.parse(
    Buffer.from(
      renderStandard(event, makeEndpoint({ detail }), { operatorTimeZone: 'UTC' })?.body ?? '',
    ).toString('utf8'),
  );

describe('the standard contract', () => {
  it('is type, timestamp and data, in this order', () => {
    const body = render(makeEvent(), 'full');
    expect(Object.keys(body ?? {})).toEqual(['type', 'timestamp', 'data']);
    expect(body).toMatchObject({ type: 'reservation.stocked', timestamp: '2026-03-20T09:15:00.000Z' });
  });

  it('carries all data of the event when full', () => {
    const { id, occurredAt, receivedAt, cause, late, towerId, locker, data } = makeEvent();
    expect(render(makeEvent(), 'full')).toHaveProperty('data', {
      id,
      occurredAt,
      receivedAt,
      cause,
      late,
      towerId,
      locker,
      ...data,
    });
  });

  it('carries ids and times only when thin', () => {
    const { id, occurredAt, receivedAt, towerId, locker } = makeEvent();
    expect(render(makeEvent(), 'thin')).toHaveProperty('data', {
      id,
      occurredAt,
      receivedAt,
      towerId,
      locker,
      reservationId: 'RES-123456',
    });
    const tokenUsed = makeEvent({
      type: 'locker.token_used',
      data: {
        lockerStatus: 'occupied',
        requestId: 56,
        requestPayload: '"secret"',
        tokenId: 52,
        clientInfo: 'Luis',
      },
    });
    expect(render(tokenUsed, 'thin')).toHaveProperty('data', {
      id,
      occurredAt,
      receivedAt,
      towerId,
      locker,
      requestId: 56,
      tokenId: 52,
    });
  });

  it('names what an operational event is about when thin', () => {
    const about = { endpointId: 'main', partnerId: 'acme' };
    const change = { ...about, failingSince: null, reason: 'gone' };
    const disabled = makeEvent({ type: 'endpoint.disabled', data: change });
    const { id, occurredAt, receivedAt, towerId, locker } = disabled;
    const thin = { id, occurredAt, receivedAt, towerId, locker, ...about };
    expect(render(disabled, 'thin')).toHaveProperty('data', thin);
    const given = { deliveryId: 'dlv_1', eventId: 'evt_1', eventType: 'locker.opened', reason: 'http_500' };
    const dead = makeEvent({ type: 'delivery.dead', data: { ...about, ...given, attempts: 10 } });
    expect(render(dead, 'thin')).toHaveProperty('data', { ...thin, deliveryId: 'dlv_1' });
  });

  it.each(['thin', 'full'] as const)('never tells who else heard of it (%s)', (detail) => {
    const body = JSON.stringify(render(makeEvent({ partnerIds: ['acme', 'rival'] }), detail));
    expect(body).not.toContain('rival');
    expect(body).not.toContain('partnerIds');
  });
});
