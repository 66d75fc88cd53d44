import type { Endpoint } from '../../schemas/endpoint.ts';
import { addMs, compareInstants } from '../../schemas/instant.ts';
import type { Instant } from '../../schemas/primitives.ts';
import type { Redrive } from '../../schemas/redrive.ts';
import { selects } from '../domain/redrive.ts';
import { TowercastError } from '../shared/errors.ts';
import type { PageOf, SourcePage } from '../shared/redrive-source.ts';
import { unreadable } from './problem.ts';
import type { Services } from './services.ts';

/** A dry run looks for no longer. A request has some 25 s. */
const maxMs = 15_000;
const pageSize = 1_000;

export interface RedriveCount {
  count: number;
  exact: boolean;
  /** What was received until then is counted; null when that is everything. */
  countedUntil: Instant | null;
}

type CountServices = Pick<Services, 'redriveSource' | 'now'>;

/** How many deliveries a redrive would make now; a lower bound when that takes too long to find out. Throws 503. */
export async function countRedrive(
  services: CountServices,
  redrive: Redrive,
  endpoint: Endpoint,
): Promise<RedriveCount> {
  const endsAt = addMs(services.now(), maxMs);
  let count = 0;
  let { cursor } = redrive;
  let countedUntil = redrive.since;
  for (;;) {
    const page = await readPage(services, redrive, { cursor, limit: pageSize, upTo: services.now() });
    count += page.candidates.filter((candidate) => selects(redrive, endpoint, candidate)).length;
    if (page.isEnd) return { count, exact: true, countedUntil: null };
    countedUntil = page.readUntil ?? countedUntil;
    if (compareInstants(services.now(), endsAt) > 0) return { count, exact: false, countedUntil };
    cursor = page.cursor;
  }
}

async function readPage(
  { redriveSource }: CountServices,
  redrive: Redrive,
  page: PageOf,
): Promise<SourcePage> {
  try {
    return await redriveSource.read(redrive, page);
  } catch (error) {
    if (error instanceof TowercastError && error.code === 'redrive_unreadable') throw unreadable();
    throw error;
  }
}
