import type { World } from './world.ts';

const lockers = 10;

/** Towers of ten lockers, as a network file has them. */
export const busyTowers = (towerIds: readonly string[], partnerIds: string[]) =>
  towerIds.map((towerId) => ({
    towerId,
    partnerIds,
    lockers: Array.from({ length: lockers }, (_, index) => ({ locker: index + 1 })),
  }));

export interface Publishing {
  /** Events that had their PUBACK so far, of all towers together. */
  readonly published: () => number;
  /** Resolves when the last one has it. */
  readonly ended: Promise<unknown>;
}

/** Lets lockers open and close, at all towers side by side and one event after the other at each. */
export async function startPublishing(
  world: World,
  towerIds: readonly string[],
  eventsPerTower: number,
): Promise<Publishing> {
  const towers = await Promise.all(towerIds.map((towerId) => world.tower(towerId)));
  let published = 0;
  const ended = Promise.all(
    towers.map(async (tower) => {
      for (let index = 0; index < eventsPerTower; index += 1) {
        await tower.publish({
          type: index % 2 === 0 ? 'locker.opened' : 'locker.closed',
          locker: (index % lockers) + 1,
        });
        published += 1;
      }
    }),
  );
  return { published: () => published, ended };
}
