import type { Flow } from './flow.ts';
import { entityOf } from './flow.ts';

const opened = { type: 'locker.opened', locker: 1 } as const;

/** An event that changes no state. */
const open: Flow = {
  name: 'open',
  events: ['locker.opened'],
  async drive(scene) {
    await (await scene.tower()).publish(opened);
  },
};

const reservationId = (tag: string): string => `${tag}r`;

/** An event that moves a reservation and its locker. */
const stock: Flow = {
  name: 'stock',
  events: ['reservation.stocked'],
  network: (tag) => ({
    reservations: [{ ...parcel, reservationId: reservationId(tag), partnerId: tag, towerId: tag }],
  }),
  async drive(scene) {
    const tower = await scene.tower();
    await tower.publish({ type: 'parcel.stocked', locker: 1, reservationId: reservationId(scene.tag) });
  },
  disagreement: (state) => {
    const [reservation, locker] = [entityOf(state, 'reservation'), entityOf(state, 'locker')];
    const isStocked = reservation?.['status'] === 'STOCKED' && locker?.['status'] === 'occupied';
    return isStocked
      ? null
      : `reservation ${String(reservation?.['status'])}, locker ${String(locker?.['status'])}`;
  },
};

const parcel = { locker: 1, flowType: 'OUTLET', barcode: '1234567890123' };

/** Expires by itself, within seconds. */
const expire: Flow = {
  name: 'expire',
  events: ['reservation.expired'],
  dueAfterSeconds: [6, 20],
  network: (tag, dueAfterSeconds) => ({
    reservations: [
      {
        ...parcel,
        reservationId: reservationId(tag),
        partnerId: tag,
        towerId: tag,
        expirationDate: new Date(Date.now() + dueAfterSeconds * 1_000).toISOString(),
      },
    ],
  }),
  drive: () => Promise.resolve(),
  disagreement: (state) => {
    const reservation = entityOf(state, 'reservation');
    return reservation?.['status'] === 'EXPIRED' ? null : `reservation ${String(reservation?.['status'])}`;
  },
};

/** A gap in the tower's sequence, which its heartbeat shows: asked for and filled. */
const fillGap: Flow = {
  name: 'fill a gap',
  events: ['locker.opened', 'locker.closed'],
  async drive(scene) {
    const tower = await scene.tower();
    await tower.publish(opened);
    const missing = tower.stamp({ type: 'locker.closed', locker: 1 });
    tower.onCommand((command) => {
      if (command['type'] === 'resend') tower.send(missing).catch(() => undefined);
    });
    await tower.publish({ type: 'tower.heartbeat' });
    await scene.until('the gap to be filled', async () => {
      if (scene.state().events.length === 2) return true;
      await tower.publish({ type: 'tower.heartbeat' });
      return false;
    });
  },
  disagreement: (state) => {
    const progress = entityOf(state, 'progress');
    return JSON.stringify(progress?.['ranges']) === '[]' ? null : `progress ${JSON.stringify(progress)}`;
  },
};

/** What a tower kept while it was offline, one of which can never be valid. */
const flush: Flow = {
  name: 'flush',
  events: ['locker.opened', 'locker.closed'],
  quarantined: 1,
  async drive(scene) {
    const tower = await scene.tower();
    const [first, second, third] = [
      tower.stamp(opened),
      tower.stamp({ type: 'locker.forced', locker: 1 }),
      tower.stamp({ type: 'locker.closed', locker: 1 }),
    ];
    await tower.publishRaw(JSON.stringify([first, { ...second, type: 'locker.vanished' }, third]));
  },
};

export const towerFlows = { open, stock, expire, fillGap, flush };
