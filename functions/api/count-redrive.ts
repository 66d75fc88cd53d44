import type { Endpoint } from '../../schemas/endpoint.ts';
import type { Redrive } from '../../schemas/redrive.ts';
import { selects } from '../domain/redrive.ts';
import type { SourcePage } from '../shared/redrive-source.ts';
import type { Services } from './services.ts';

/** A dry run looks no further. A request has some 25 s. */
const maxLooked = 20_000;
const maxMs = 15_000;
const pageSize = 500;

/** How many deliveries a redrive would make now; a lower bound when that takes too long to find out. */
export async function countRedrive(
  { redriveSource, now }: Pick<Services, 'redriveSource' | 'now'>,
  redrive: Redrive,
  endpoint: Endpoint,
): Promise<{ count: number; exact: boolean }> {
  const startedAt = performance.now();
  let [count, looked] = [0, 0];
  let { cursor } = redrive;
  for (;;) {
    const page: SourcePage = await redriveSource.read(redrive, { cursor, limit: pageSize, upTo: now() });
    count += page.candidates.filter((candidate) => selects(redrive, endpoint, candidate)).length;
    looked += page.looked;
    if (page.isEnd) return { count, exact: true };
    if (looked >= maxLooked || performance.now() - startedAt > maxMs) return { count, exact: false };
    cursor = page.cursor;
  }
}
