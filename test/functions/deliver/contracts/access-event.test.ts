import { createHash } from 'node:crypto';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { renderAccessEvent } from '../../../../functions/deliver/contracts/access-event.ts';
import { accessEventId } from '../../../../functions/shared/access-event.ts';
import { AccessEventSchema } from '../../../../schemas/access-event.ts';
import type { DomainEvent } from '../../../../schemas/event.ts';
import { makeEndpoint, makeEvent } from '../../../helpers/deliveries.ts';
import { samplesOf } from './seeds.ts';

const data = {
  lockId: 'c0f3aed0-2a7e-4de5-a0ff-3bfc22bfb6ef',
  lockName: 'North gate',
  keyId: '3f97fafb-1b6a-42d0-85fa-ae2ef338cc45',
  keyOrigin: 'integrator',
  appUserId: '+12125552390',
  userName: '',
};
const accessEvent = (overrides: Record<string, unknown> = {}): DomainEvent =>
  makeEvent({
    id: `evt_lock~${data.lockId}_kxvbp5cz_b7-1042`,
    type: 'access.unlocked',
    occurredAt: '2022-01-01T10:35:24.083Z',
    data,
    ...overrides,
  });

const render = (event: DomainEvent): string | null => {
  const rendering = renderAccessEvent(event, makeEndpoint(), { operatorTimeZone: 'UTC' });
  return rendering === null ? null : Buffer.from(rendering.body).toString('utf8');
};

/** A sample as it would be with our own id in it: the document's ids are anybody's. */
const withId = (sample: string | undefined, event: DomainEvent) =>
  sample?.replace(/"id":"[^"]+"/, `"id":"${accessEventId(event.id)}"`);

describe('the access-event contract', () => {
  const [registration, unlocked, locked, ...others] = samplesOf('access-event');

  it('has a registration and two samples in its document', () => {
    expect([registration, unlocked, locked, others.length]).toEqual([
      expect.stringContaining('"trigger":"accessEvent"'),
      expect.stringContaining('"action":"unlocked"'),
      expect.stringContaining('"action":"locked"'),
      0,
    ]);
  });

  it('says an unlocked lock as the document does, to the byte', () => {
    expect(render(accessEvent())).toBe(withId(unlocked, accessEvent()));
  });

  it('says a locked lock as the document does, to the byte', () => {
    const event = accessEvent({ type: 'access.locked', occurredAt: '2022-01-01T10:40:00.013Z' });
    expect(render(event)).toBe(withId(locked, event));
  });

  it('POSTs JSON', () => {
    expect(renderAccessEvent(accessEvent(), makeEndpoint(), { operatorTimeZone: 'UTC' })).toMatchObject({
      method: 'POST',
      headers: { 'content-type': 'application/json' },
    });
  });

  it('shows milliseconds of when it happened, not of when it was told', () => {
    const event = accessEvent({
      occurredAt: '2022-01-01T10:35:24.083999Z',
      receivedAt: '2022-01-03T00:00:00.000Z',
    });
    expect(render(event)).toBe(withId(unlocked, event));
  });

  it('is for keys that an integrator created, and no other', () => {
    for (const keyOrigin of ['app', null])
      expect(render(accessEvent({ data: { ...data, keyOrigin } }))).toBeNull();
  });

  it('has no way to say anything else', () => {
    expect(render(accessEvent({ type: 'access.denied' }))).toBeNull();
    expect(render(makeEvent())).toBeNull();
  });
});

describe('the id of an access event', () => {
  it('is the UUID of version 5 in our namespace', () => {
    const namespace = Buffer.from('6f0c2f6e1f5f4c6c9d0a3b7f5a0e8f21', 'hex');
    const digest = createHash('sha1').update(namespace).update('evt_lock~a_kxvbp5cz_b7-1').digest('hex');
    const id = accessEventId('evt_lock~a_kxvbp5cz_b7-1');
    // The digest, but for the digit of the version and the two bits of the variant.
    expect(id.replaceAll('-', '').replace(/^(.{12})5(.{3})[89ab]/, '$1.$2.')).toBe(
      digest.slice(0, 32).replace(/^(.{12}).(.{3})./, '$1.$2.'),
    );
  });

  it('is a UUID for every event, the same each time, and another for another event', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (one, other) => {
        expect(AccessEventSchema.shape.id.safeParse(accessEventId(one)).success).toBe(true);
        expect(accessEventId(one)).toBe(accessEventId(one));
        fc.pre(one !== other);
        expect(accessEventId(one)).not.toBe(accessEventId(other));
      }),
    );
  });

  it('never changes: partners know events by it', () => {
    expect(accessEventId('evt_lock~a_kxvbp5cz_b7-1')).toMatchInlineSnapshot(
      `"db7ce2d4-a473-50e3-bda9-dadcfaaa7040"`,
    );
  });
});
