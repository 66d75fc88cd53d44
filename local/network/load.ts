import { isDeepStrictEqual } from 'node:util';
import { forEachAtMost } from '../../functions/shared/concurrency.ts';
import type { EntitySet } from '../../functions/shared/entity-set.ts';
import { TowercastError } from '../../functions/shared/errors.ts';
import { outlasts } from '../../functions/shared/retry-schedule.ts';
import type { DomainEvent } from '../../schemas/event.ts';
import type { NetworkFile } from '../../schemas/network.ts';
import { configuredEntities, type Configured } from './configured.ts';
import { NetworkFileError } from './read.ts';
import { settleLockerOpenRequest, settleReservation } from './operations.ts';
import { openNetworkStore, type NetworkStore, type NetworkTarget } from './store.ts';

/** What a load changed: nothing, when the same file was loaded before. */
export interface LoadReport {
  /** Towers, lockers, partners, endpoints and keys that were stored or updated. */
  stored: number;
  /** What reservations, requests and tokens made happen. */
  events: DomainEvent[];
}

/** Requests in flight: enough to keep the engine busy. */
const concurrency = 16;

/**
 * Makes the network of a file, as far as it is not there yet. See docs/network-file.md. Throws NetworkFileError for what
 * this stack can't keep, before anything is stored.
 */
export async function loadNetwork(stack: NetworkTarget, network: NetworkFile): Promise<LoadReport> {
  const store = openNetworkStore(stack);
  try {
    return await loadInto(store, network);
  } finally {
    store.close();
  }
}

export async function loadInto(store: NetworkStore, network: NetworkFile): Promise<LoadReport> {
  assertSchedules(store, network);
  const configured = configuredEntities(store, network);
  const known = await store.entities.getMany(configured.map(({ ref }) => ref));
  let stored = 0;
  await forEachAtMost(concurrency, configured, async (entity) => {
    if (await settle(store, entity, known)) stored += 1;
  });
  const events: DomainEvent[] = [];
  await forEachAtMost(concurrency, byLocker(store, network), async (steps) => {
    for (const step of steps) events.push(...(await step()));
  });
  return { stored, events };
}

/** How long deliveries are kept is a setting of the stack, so that reading the file alone can't tell. */
function assertSchedules({ retentionDays }: NetworkStore, { endpoints }: NetworkFile): void {
  const mistakes = endpoints.flatMap(({ scheduleSeconds = [] }, i) =>
    outlasts(scheduleSeconds, retentionDays)
      ? [
          {
            path: `endpoints[${i}].scheduleSeconds`,
            message: `must end within ${retentionDays} days, for which deliveries are kept, though each step may take a fifth more: shorten it`,
          },
        ]
      : [],
  );
  if (mistakes.length > 0) throw new NetworkFileError('the network', mistakes);
}

/** Stores an entity unless it is stored so already. True when it was written. */
async function settle(store: NetworkStore, { ref, build }: Configured, known: EntitySet): Promise<boolean> {
  let stored = known;
  for (let attempt = 1; attempt <= 5; attempt += 1) {
    const entity = await build(stored);
    if (isDeepStrictEqual(stored.get(ref), entity)) return false;
    if (await store.entities.replace(entity)) return true;
    stored = await store.entities.getMany([ref]);
  }
  throw new TowercastError('network_conflict', `others keep changing ${JSON.stringify(ref)}`);
}

type Step = () => Promise<DomainEvent[]>;

const place = ({ towerId, locker }: { towerId: string; locker: number }) => `${towerId}/${locker}`;

/** Steps at one locker contend for it, so they follow each other. */
function byLocker(store: NetworkStore, { reservations, lockerOpenRequests }: NetworkFile): Step[][] {
  const steps = [
    ...reservations.map((wanted) => ({ at: place(wanted), run: () => settleReservation(store, wanted) })),
    ...lockerOpenRequests.map((wanted) => ({
      at: place(wanted),
      run: () => settleLockerOpenRequest(store, wanted),
    })),
  ];
  return [...Map.groupBy(steps, ({ at }) => at).values()].map((group) => group.map(({ run }) => run));
}
