import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { renderCloudEvent } from '../../../../functions/deliver/contracts/cloudevents.ts';
import type { Endpoint } from '../../../../schemas/endpoint.ts';
import type { DomainEvent } from '../../../../schemas/event.ts';
import { makeEndpoint, makeEvent } from '../../../helpers/deliveries.ts';

const nonEmpty = z.string().min(1);
/** RFC 3986, but for what only a whole parser could tell: its characters, and percent signs that encode. */
const uriReference = nonEmpty.regex(/^(?:[A-Za-z0-9\-._~:/?#[\]@!$&'()*+,;=]|%[0-9A-Fa-f]{2})*$/);

/**
 * The rules of https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/cloudevents.json, and those of
 * spec.md that it leaves out: attribute names, and data or data_base64 but not both.
 */
const CloudEventSchema = z
  .looseObject({
    specversion: z.literal('1.0'),
    id: nonEmpty,
    source: uriReference,
    type: nonEmpty,
    datacontenttype: nonEmpty.regex(/^[^/\s]+\/[^/\s]+$/).optional(),
    dataschema: z.url().optional(),
    subject: nonEmpty.optional(),
    time: z.iso.datetime({ offset: true }).optional(),
    data: z.json().optional(),
    data_base64: z.base64().optional(),
  })
  .refine((event) => !('data' in event && 'data_base64' in event), 'data in two forms')
  .refine(
    (event) => Object.keys(event).every((name) => name === 'data_base64' || /^[a-z0-9]+$/.test(name)),
    'an attribute name is lower-case letters and digits',
  );

const render = (event: DomainEvent, detail: Endpoint['detail'] = 'full') => {
  const rendering = renderCloudEvent(event, makeEndpoint({ detail }), { operatorTimeZone: 'UTC' });
  return CloudEventSchema.parse(JSON.parse(Buffer.from(rendering?.body ?? '').toString('utf8')));
};

const elsewhere = makeEvent({
  id: 'evt_lock~gate_mmykbvk0_v~2',
  type: 'access.denied',
  towerId: null,
  locker: null,
  data: {
    lockId: 'gate',
    lockName: 'Gate',
    keyId: 'K-1',
    keyOrigin: null,
    appUserId: null,
    userName: null,
    refusal: 'key_unknown',
  },
});

describe('the cloudevents contract', () => {
  it('is CloudEvents 1.0 in structured JSON', () => {
    expect(
      renderCloudEvent(makeEvent(), makeEndpoint({ method: 'PUT' }), { operatorTimeZone: 'UTC' }),
    ).toMatchObject({ method: 'PUT', headers: { 'content-type': 'application/cloudevents+json' } });
    expect(render(makeEvent())).toMatchObject({
      specversion: '1.0',
      id: 'evt_0000000000000001-9_mmykbvk0_b7-1042',
      source: '/towers/0000000000000001',
      type: 'reservation.stocked',
      subject: '0000000000000001-9',
      time: '2026-03-20T09:15:00.000Z',
      datacontenttype: 'application/json',
      data: { reservationId: 'RES-123456', status: 'STOCKED' },
    });
  });

  it('has a source and a subject for what happened at no tower', () => {
    expect(render(elsewhere)).toMatchObject({ source: '/towercast', subject: 'lock~gate' });
  });

  it('makes a URI reference of every tower’s id', () => {
    expect(render(makeEvent({ id: 'evt_a:b_c-1_mmykbvk0_b7-1', towerId: 'a:b_c' })).source).toBe(
      '/towers/a%3Ab_c',
    );
  });

  it('carries ids and times only when thin, as the standard contract does', () => {
    const { data } = render(makeEvent(), 'thin');
    expect(data).toHaveProperty('reservationId');
    expect(data).not.toHaveProperty('barcode');
  });

  it('never tells who else heard of it', () => {
    expect(JSON.stringify(render(makeEvent({ partnerIds: ['acme', 'rival'] })))).not.toContain('rival');
  });
});
