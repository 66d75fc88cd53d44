import { describe, expect, it } from 'vitest';
import { createCasting, type Deed } from '../../../local/demo/casting.ts';
import { createIds } from '../../../local/demo/ids.ts';
import { demoNetwork, demoPartners } from '../../../local/demo/network.ts';
import { parseNetwork } from '../../../local/network/read.ts';
import type { Reservation } from '../../../schemas/entity.ts';
import { TowerMessageSchema } from '../../../schemas/tower-message.ts';

const startMs = Date.UTC(2026, 5, 1);

/** The same numbers at each run: https://en.wikipedia.org/wiki/Linear_congruential_generator */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_664_525 + 1_013_904_223) % 2 ** 32;
    return state / 2 ** 32;
  };
}

/** What happens within `steps` steps, one a second. */
function played(
  steps: number,
  { seed = 1, open = [] }: { seed?: number; open?: Reservation[] } = {},
): Deed[] {
  let nowMs = startMs;
  const now = () => nowMs;
  const next = createCasting({ ids: createIds(now), random: seeded(seed), now, open, graceHours: 48 });
  return Array.from({ length: steps }, () => {
    nowMs += 1_000;
    return next();
  }).filter((deed) => deed !== null);
}

const messagesOf = (deeds: readonly Deed[]) =>
  deeds.flatMap((deed) => (deed.kind === 'report' ? deed.reports : []));

const doorReports = (deeds: readonly Deed[]) =>
  deeds.flatMap((deed) =>
    deed.kind !== 'report'
      ? []
      : deed.reports.flatMap((message) =>
          message.type === 'locker.opened' || message.type === 'locker.closed'
            ? [{ door: `${deed.towerId}/${message.locker}`, type: message.type }]
            : [],
        ),
  );

describe('the demo network', () => {
  it('is a network file without a mistake, whose partners share no locker', () => {
    const file = demoNetwork('http://127.0.0.1:9');
    expect(parseNetwork(JSON.stringify(file), 'demo')).toEqual(file);
    expect(file.towers.map(({ lockers }) => lockers.length)).toEqual([12, 12, 12]);
    const lockers = demoPartners.flatMap((partner) => partner.lockers);
    expect(new Set(lockers).size).toBe(lockers.length);
    expect(file.endpoints.map(({ contract }) => contract).sort()).toEqual([
      'locker-open',
      'reservation-status',
      'standard',
    ]);
  });

  it('plays everything that can happen at a locker, in messages as towers send them', () => {
    const messages = messagesOf(played(3_000));
    for (const message of messages)
      TowerMessageSchema.parse({ v: 1, boot: 'b1', seq: 1, at: '2026-06-01T00:00:00Z', ...message });
    expect(new Set(messages.map(({ type }) => type))).toEqual(
      new Set([
        'locker.opened',
        'locker.closed',
        'locker.left_open',
        'locker.forced',
        'parcel.stocked',
        'parcel.incomplete',
        'parcel.picked_up',
        'parcel.collected',
        'token.used',
      ]),
    );
  });

  it('never tells two stories at one locker: doors open and shut in turn', () => {
    const doors = Map.groupBy(doorReports(played(2_000, { seed: 7 })), ({ door }) => door);
    expect(doors.size).toBeGreaterThan(20);
    const opensTwice = [...doors.values()].filter((reports) =>
      reports.some(({ type }, i) => type === 'locker.opened' && reports[i - 1]?.type === type),
    );
    expect(opensTwice).toEqual([]);
  });

  it('reports a parcel only at the locker that was reserved for it', () => {
    const reserved = new Map<string, string>();
    const elsewhere: string[] = [];
    for (const deed of played(1_000)) {
      if (deed.kind === 'reserve') {
        const { reservationId, towerId, locker } = deed.reservation;
        reserved.set(reservationId, `${towerId}/${locker}`);
      }
      for (const message of messagesOf([deed]))
        if (
          'reservationId' in message &&
          deed.kind === 'report' &&
          reserved.get(message.reservationId) !== `${deed.towerId}/${message.locker}`
        )
          elsewhere.push(message.reservationId);
    }
    expect(reserved.size).toBeGreaterThan(20);
    expect(elsewhere).toEqual([]);
  });

  it('uses only tokens that were made before', () => {
    const made = new Set<number>();
    const unknown: number[] = [];
    for (const deed of played(1_000)) {
      if (deed.kind === 'request') for (const { tokenId } of deed.request.tokens) made.add(tokenId);
      for (const message of messagesOf([deed]))
        if (message.type === 'token.used' && !made.has(message.tokenId)) unknown.push(message.tokenId);
    }
    expect(made.size).toBeGreaterThan(10);
    expect(unknown).toEqual([]);
  });

  it('goes on with what an earlier run left open', () => {
    const left: Reservation = {
      kind: 'reservation',
      reservationId: 'RES-LEFT',
      partnerId: 'couriernet',
      towerId: '0000000000000002',
      locker: 3,
      unitId: 'UNIT-203',
      status: 'STOCKED',
      statusFrom: { at: '2026-05-31T00:00:00.000Z', boot: 'b0', seq: 1 },
      flowType: 'OUTLET',
      barcode: '123',
      dueAt: null,
      version: 3,
    };
    const deeds = played(200, { open: [left] });
    const about = messagesOf(deeds).flatMap((message) =>
      'reservationId' in message && message.reservationId === 'RES-LEFT' ? [message.type] : [],
    );
    expect(['parcel.picked_up', 'parcel.collected']).toContain(about[0]);
    expect(about).toHaveLength(1);
    expect(
      deeds.some((deed) => deed.kind === 'reserve' && deed.reservation.reservationId === 'RES-LEFT'),
    ).toBe(false);
  });
});

describe('ids of the demo', () => {
  it('never repeat, neither when the clock stands still nor after a restart', () => {
    let nowMs = startMs;
    const first = createIds(() => nowMs);
    const given = Array.from({ length: 20 }, () => [first.reservation(), first.numeric()]).flat();
    nowMs += 5_000;
    const second = createIds(() => nowMs);
    given.push(second.reservation(), second.numeric());
    expect(new Set(given).size).toBe(given.length);
  });
});
