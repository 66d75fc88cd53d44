import { describe, expect, it } from 'vitest';
import { renderReservationStatus } from '../../../../functions/deliver/contracts/reservation-status.ts';
import type { DomainEvent } from '../../../../schemas/event.ts';
import { makeEndpoint, makeEvent } from '../../../helpers/deliveries.ts';
import { samplesOf } from './seeds.ts';

const endpoint = makeEndpoint({ contract: 'reservation-status' });
const render = (event: DomainEvent) => {
  const rendering = renderReservationStatus(event, endpoint, { operatorTimeZone: 'UTC' });
  return rendering === null ? null : Buffer.from(rendering.body).toString('utf8');
};
const data = { ...makeEvent().data };

describe('the reservation-status contract', () => {
  it('says a status as the document does, to the byte', () => {
    expect([render(makeEvent())]).toEqual(samplesOf('reservation-status'));
  });

  it('leaves out optional fields that are not there', () => {
    const required = { ...data, docNumber: undefined, expirationDate: undefined };
    expect(render(makeEvent({ data: required }))).toBe(
      '{"reservationId":"RES-123456","unitId":"UNIT-987","status":"STOCKED","changeTime":"2026-03-20T09:15:00.000Z","flowType":"OUTLET","barcode":"1234567890123"}',
    );
  });

  it('cuts times to milliseconds', () => {
    expect(render(makeEvent({ occurredAt: '2026-03-20T09:15:00.123999Z' }))).toContain(
      '"changeTime":"2026-03-20T09:15:00.123Z"',
    );
  });

  it.each(['EXPIRED', 'INCOMPLETE', 'STOCKED', 'RETURNING', 'RETURNED', 'PICKED_UP'])(
    'sends %s',
    (status) => {
      const event = makeEvent({ type: `reservation.${status.toLowerCase()}`, data: { ...data, status } });
      expect(render(event)).toContain(`"status":"${status}"`);
    },
  );

  it.each([
    ['created', 'NEW'],
    ['reserved', 'RESERVED'],
    ['canceled', 'CANCELED'],
  ])('never sends reservation.%s', (type, status) => {
    expect(render(makeEvent({ type: `reservation.${type}`, data: { ...data, status } }))).toBeNull();
  });

  it('never sends what the partner did itself', () => {
    expect(render(makeEvent({ cause: 'api' }))).toBeNull();
  });
});
