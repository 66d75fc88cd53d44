import { parseArgs } from 'node:util';
import * as z from 'zod';
import { FailedError, UsageError } from './cli-error.ts';
import { globalOptions, GlobalValuesSchema, type GlobalValues } from './global-options.ts';
import { asPage, plain, plainJson } from './output.ts';
import { send } from './request.ts';
import { findTarget, type Target } from './target.ts';
import type { World } from './world.ts';

const DeliverySchema = z.looseObject({
  id: z.string(),
  endpointId: z.string(),
  eventType: z.string(),
  receivedAt: z.string(),
  status: z.string(),
  reason: z.string().nullish(),
  attempts: z.array(
    z.looseObject({
      at: z.string(),
      status: z.int().nullish(),
      reason: z.string().nullish(),
      durationMs: z.number(),
    }),
  ),
});
type Delivery = z.infer<typeof DeliverySchema>;

const EndpointSchema = z.looseObject({ endpointId: z.string() });

const defaultIntervalSeconds = 2;
/** Failures in a row before it gives up: a stack that restarts is back by then. */
const maxFailures = 30;

interface TailOptions {
  endpointId: string | undefined;
  partnerId: string | undefined;
  intervalMs: number;
  globals: GlobalValues;
}

/**
 * Prints the deliveries that are made or change from now on, oldest first, until the user stops it. It looks at the
 * newest page of today, for each endpoint: what waits since yesterday is told by `deliveries list --day`.
 */
export async function tailDeliveries(world: World, args: readonly string[]): Promise<void> {
  const { endpointId, partnerId, intervalMs, globals } = readOptions(args);
  const target = findTarget(world, globals);
  const query = new URLSearchParams(partnerId === undefined ? {} : { partnerId });
  /** Delivery id to what was last seen of it. */
  const seen = new Map<string, string>();
  let failures = 0;
  let isFirst = true;
  do {
    try {
      const endpointIds = endpointId === undefined ? await listEndpoints(world, target, query) : [endpointId];
      const changed = await Promise.all(
        endpointIds.map((id) => newOf(world, target, id, { query, seen, isFirst })),
      );
      if (isFirst) world.note(`Watching ${endpointIds.join(', ') || 'no endpoint yet'}. Ctrl-C ends it.`);
      else print(world, changed.flat(), globals.json ?? false);
      isFirst = false;
      failures = 0;
    } catch (error) {
      failures += 1;
      // A mistake of the user's shows at once; what worked before may work again.
      if (!(error instanceof FailedError) || isFirst || failures >= maxFailures) throw error;
      world.note(error.message);
    }
  } while (await world.pause(intervalMs));
}

function readOptions(args: readonly string[]): TailOptions {
  const options = {
    ...globalOptions,
    interval: { type: 'string' },
    'partner-id': { type: 'string' },
  } as const;
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      options,
      strict: true,
      allowPositionals: true,
    });
    const seconds = Number(values.interval ?? defaultIntervalSeconds);
    if (!(seconds >= 0.1 && seconds <= 3_600)) throw new UsageError('--interval takes 0.1 to 3600 seconds');
    if (positionals.length > 1) throw new UsageError(`${positionals[1]} is one argument too many`);
    return {
      endpointId: positionals[0],
      partnerId: values['partner-id'],
      intervalMs: seconds * 1_000,
      globals: GlobalValuesSchema.parse(values),
    };
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

async function listEndpoints(world: World, target: Target, query: URLSearchParams): Promise<string[]> {
  const ids: string[] = [];
  let cursor: string | null = null;
  do {
    const page = await readPage(world, target, '/v1/endpoints', query, cursor);
    ids.push(...page.items.map((item) => EndpointSchema.parse(item).endpointId));
    cursor = page.nextCursor;
  } while (cursor !== null);
  return ids;
}

/**
 * What was not seen before, or in another state, newest first. Pages are read until one has something known; of the past
 * (`isFirst`) one is enough to know where it ends.
 */
async function newOf(
  world: World,
  target: Target,
  endpointId: string,
  { query, seen, isFirst }: { query: URLSearchParams; seen: Map<string, string>; isFirst: boolean },
): Promise<Delivery[]> {
  const path = `/v1/endpoints/${encodeURIComponent(endpointId)}/deliveries`;
  const found: Delivery[] = [];
  let cursor: string | null = null;
  let onlyNew: boolean;
  do {
    const { items, nextCursor } = await readPage(world, target, path, query, cursor);
    const deliveries = items.map((item) => DeliverySchema.parse(item));
    onlyNew = deliveries.every(({ id }) => !seen.has(id));
    for (const delivery of deliveries) {
      const state = `${delivery.status} ${delivery.attempts.length}`;
      if (seen.get(delivery.id) !== state) found.push(delivery);
      seen.set(delivery.id, state);
    }
    cursor = isFirst ? null : nextCursor;
  } while (cursor !== null && onlyNew);
  return found;
}

async function readPage(
  world: World,
  target: Target,
  path: string,
  base: URLSearchParams,
  cursor: string | null,
) {
  const query = new URLSearchParams(base);
  query.set('limit', '100');
  if (cursor !== null) query.set('cursor', cursor);
  const { body } = await send(world, target, 'GET', { path, query, headers: {}, body: undefined });
  const page = asPage(body);
  if (page === null) throw new FailedError(`${path} did not answer with a list`);
  return page;
}

function print(world: World, deliveries: readonly Delivery[], json: boolean): void {
  const inOrder = deliveries.toSorted((a, b) => lastAt(a).localeCompare(lastAt(b)));
  for (const delivery of inOrder) world.out(json ? plainJson(delivery) : lineOf(delivery));
}

const lastAt = ({ attempts, receivedAt }: Delivery): string => attempts.at(-1)?.at ?? receivedAt;

/** `09:15:01.203  acme-main  reservation.stocked  delivered  204  42 ms  dlv_…` */
function lineOf(delivery: Delivery): string {
  const { attempts, endpointId, eventType, status, reason, id } = delivery;
  const last = attempts.at(-1);
  const outcome = last?.reason ?? last?.status ?? reason;
  return [
    lastAt(delivery).slice(11, 23),
    endpointId.padEnd(16),
    eventType.padEnd(26),
    status.padEnd(9),
    attempts.length > 1 ? `attempt ${attempts.length}` : '',
    outcome === undefined || outcome === null ? '' : plain(String(outcome)),
    last === undefined ? '' : `${Math.round(last.durationMs)} ms`,
    id,
  ]
    .filter((part) => part !== '')
    .join('  ');
}
