import type { NetworkFile } from '../schemas/network.ts';
import { NetworkFileSchema } from '../schemas/network.ts';
import type { TowerReport } from '../local/demo/tower.ts';

/** The two endpoints that hear of everything, and their common signing secret. */
export const endpointIds = ['bench-1', 'bench-2'] as const;
export const secret = `whsec_${Buffer.alloc(32, 5).toString('base64')}`;

const types = ['locker.opened', 'locker.closed', 'reservation.stocked', 'reservation.picked_up'];

/** A parcel's life: six messages of which two move state, as in an ordinary day of a tower. */
const story = (locker: number, reservationId: string): TowerReport[] => [
  { type: 'locker.opened', locker },
  { type: 'parcel.stocked', locker, reservationId },
  { type: 'locker.closed', locker },
  { type: 'locker.opened', locker },
  { type: 'parcel.picked_up', locker, reservationId },
  { type: 'locker.closed', locker },
];
const storyLength = story(1, 'x').length;

export interface Plan {
  network: NetworkFile;
  /** What each tower reports, in order. */
  reports: Map<string, TowerReport[]>;
}

/** A network of `towers` towers and what they report: `events` messages in all, or a few more. */
export function makePlan(events: number, towers: number, urls: readonly string[]): Plan {
  const lockersPerTower = Math.ceil(events / storyLength / towers);
  const reports = new Map<string, TowerReport[]>();
  const network: unknown = {
    partners: [{ partnerId: 'bench' }],
    endpoints: endpointIds.map((endpointId, index) => ({
      endpointId,
      partnerId: 'bench',
      url: urls[index],
      contract: 'standard',
      secret,
      filter: { types },
    })),
    towers: Array.from({ length: towers }, (_, index) => ({
      towerId: towerIdOf(index),
      partnerIds: ['bench'],
      lockers: Array.from({ length: lockersPerTower }, (__, locker) => ({ locker: locker + 1 })),
    })),
    reservations: Array.from({ length: towers * lockersPerTower }, (_, index) => {
      const towerId = towerIdOf(Math.floor(index / lockersPerTower));
      const locker = (index % lockersPerTower) + 1;
      const reservationId = `RES-${index + 1}`;
      reports.set(towerId, [...(reports.get(towerId) ?? []), ...story(locker, reservationId)]);
      return {
        reservationId,
        partnerId: 'bench',
        towerId,
        locker,
        flowType: 'BENCH',
        barcode: reservationId,
      };
    }),
  };
  return { network: NetworkFileSchema.parse(network), reports };
}

const towerIdOf = (index: number): string => String(index + 1).padStart(16, '0');
