import { describe, expect, it } from 'vitest';
import { attemptLine, isFirstReceipt, isLate } from '../../../functions/deliver/attempt-line.ts';
import { healthyEndpoint } from '../../../functions/domain/endpoint-health.ts';
import { makeAttempt, makeAttempts, makeEndpoint, makeTask } from '../../helpers/deliveries.ts';

const nowMs = Date.parse('2026-03-20T09:15:02.250Z');
const endpoint = makeEndpoint();
const context = { task: makeTask(), endpoint, channel: 'live', order: undefined } as const;

describe('the line of an attempt', () => {
  it('names tower, event, delivery, endpoint and partner, and what came of it and when', () => {
    expect(attemptLine(context, makeAttempt({ host: 'partner.example' }), nowMs)).toEqual({
      towerId: '0000000000000001',
      locker: 9,
      eventId: 'evt_0000000000000001-9_mmykbvk0_b7-1042',
      eventType: 'reservation.stocked',
      deliveryId: 'dlv_main_mmyonymy_evt_0000000000000001-9_mmykbvk0_b7-1042',
      endpointId: 'main',
      partnerId: 'acme',
      contract: 'standard',
      channel: 'live',
      breaker: 'closed',
      sequence: null,
      replay: null,
      attempt: 1,
      at: '2026-03-20T09:15:01.000Z',
      outcome: 'failed',
      status: 500,
      reason: 'http_500',
      durationMs: 12,
      times: { dns: 1, connect: 3, tls: 7, firstByte: 12 },
      host: 'partner.example',
      peerAddress: '203.0.113.7',
      tlsProtocol: 'TLSv1.3',
      reused: false,
      latencyMs: 2_000,
    });
  });

  it('tells a probe, a place in a lane, a replay and another queue from the ordinary', () => {
    const health = { ...healthyEndpoint(endpoint), breaker: 'open' as const };
    const task = makeTask({ replay: { redriveId: 'r-1', attemptsBefore: 2 } });
    const order = { lane: '0000000000000001-9', sequence: 7, previousSequence: 6 };
    const special = { task, endpoint: { ...endpoint, health }, channel: 'ordered', order } as const;
    expect(attemptLine(special, makeAttempt(), nowMs)).toMatchObject({
      channel: 'ordered',
      breaker: 'open',
      sequence: 7,
      replay: 'r-1',
    });
    const single = { ...context, task: makeTask({ replay: { redriveId: null, attemptsBefore: 0 } }) };
    expect(attemptLine(single, makeAttempt(), nowMs)).toMatchObject({ replay: true });
  });

  it('has nothing that may hold a secret', () => {
    const text = JSON.stringify(attemptLine(context, makeAttempt({ responseExcerpt: 'planted' }), nowMs));
    for (const part of ['planted', endpoint.url, endpoint.secrets]) expect(text).not.toContain(part);
  });
});

describe('the time from publication to receipt', () => {
  const delivered = makeAttempt({ outcome: 'delivered', status: 200, reason: null });

  it.each([
    [
      'the first acknowledgement, also after failures',
      makeTask({ attempts: makeAttempts(2) }),
      delivered,
      true,
    ],
    ['no failure', makeTask(), makeAttempt(), false],
    ['no repeat', makeTask({ attempts: [delivered] }), delivered, false],
    ['no replay', makeTask({ replay: { redriveId: null, attemptsBefore: 0 } }), delivered, false],
  ])('is taken of %s', (_, task, attempt, expected) => {
    expect(isFirstReceipt(task, attempt)).toBe(expected);
  });
});

describe('a first attempt is late', () => {
  const receivedMs = Date.parse(makeTask().event.receivedAt);
  const after = (seconds: number, number = 1) => ({
    number,
    at: new Date(receivedMs + seconds * 1_000).toISOString(),
  });
  const order = { lane: '0000000000000001-9', sequence: 7, previousSequence: 6 };
  const later = '2026-03-20T10:15:00.000Z';

  it('more than a minute after its event', () => {
    expect(isLate(context, after(61))).toBe(true);
    expect(isLate(context, after(60))).toBe(false);
  });

  it.each([
    ['it is no first one', context, after(61, 2)],
    ['it waited in its lane', { ...context, order }, after(61)],
    ['its endpoint is slow, or not known yet', { ...context, channel: 'slow' }, after(61)],
    ['it waited for its limits', { ...context, task: makeTask({ slotAt: later }) }, after(61)],
    ['it was parked', { ...context, task: makeTask({ leasedUntil: later }) }, after(61)],
    [
      'somebody asked for it again',
      { ...context, task: makeTask({ replay: { redriveId: null, attemptsBefore: 0 } }) },
      after(61),
    ],
  ] as const)('and is not when %s', (_, special, attempt) => {
    expect(isLate(special, attempt)).toBe(false);
  });
});
