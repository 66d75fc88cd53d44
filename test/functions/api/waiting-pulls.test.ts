import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { eventOperations } from '../../../functions/api/resources/events.ts';
import type { Services } from '../../../functions/api/services.ts';
import { createLongRequests, type LongRequests } from '../../../functions/api/long-requests.ts';
import { eventItem } from '../../../functions/shared/event-item.ts';
import { createLimiter } from '../../../functions/shared/limiter.ts';
import { createPartnerLog } from '../../../functions/shared/partner-log.ts';
import { makeEvent } from '../../helpers/deliveries.ts';
import { startDeliveriesTable } from '../shared/deliveries-table.ts';
import type { Tables } from '../shared/tables.ts';
import {
  makeApi,
  makeServices,
  operatorClaims,
  partnerClaims,
  partnerNamed,
  putEntities,
} from './foundation.ts';

const [listEvents] = eventOperations;
if (listEvents === undefined) throw new Error('there is no list');
const perPartner = 3;

let tables: Tables & { deliveriesTable: string };
let partners = 0;
let nowMs: number;
beforeAll(async () => {
  tables = await startDeliveriesTable();
  nowMs = Date.parse('2026-03-20T09:15:00.000Z');
});
afterAll(async () => tables[Symbol.asyncDispose]());

let ids = 0;
/** What one function knows of the requests that wait. */
const newFunction = (documents = tables.documents): LongRequests =>
  createLongRequests({
    limiter: createLimiter({ ...tables, documents, now: () => nowMs }, 'pull-limits'),
    perPartner,
    newId: () => `pull-${(ids += 1)}`,
    now: () => nowMs,
  });

async function newPartner(): Promise<string> {
  const partnerId = `partner-${(partners += 1)}`;
  await putEntities(tables, ...partnerNamed(partnerId));
  return partnerId;
}

async function commit(partnerId: string): Promise<void> {
  const event = makeEvent({ id: `evt_t-9_mmykbvk0_${partnerId}-1`, partnerIds: [partnerId] });
  await tables.put('events', eventItem(event, 90));
  const log = createPartnerLog({ ...tables, now: () => nowMs });
  await log.append(partnerId, [{ eventId: event.id, receivedAt: event.receivedAt }]);
}

const pull = (
  claims: Record<string, unknown>,
  query: Record<string, string>,
  overrides: Partial<Services> = {},
) => {
  const services = makeServices(tables, { waitingPulls: newFunction(), ...overrides });
  return makeApi(tables, eventOperations, services).send(listEvents, { query, claims });
};
const ownClaims = (partnerId: string) => partnerClaims(`${partnerId}-backend`);

/** Pulls that wait, each in a function of its own, until `end` is called. */
async function waitingPulls(partnerId: string, count: number) {
  const { promise: ended, resolve: end } = Promise.withResolvers<void>();
  const begun: Promise<void>[] = [];
  const answers = Array.from({ length: count }, () => {
    const { promise: waits, resolve } = Promise.withResolvers<void>();
    begun.push(waits);
    const pause = async (): Promise<void> => {
      resolve();
      await ended;
    };
    return pull(ownClaims(partnerId), { wait: '1' }, { pause });
  });
  await Promise.all(begun);
  return {
    end: async () => {
      end();
      return Promise.all(answers);
    },
  };
}

describe('requests that wait for events', () => {
  it('are refused beyond the partner’s number, in whichever functions they are, and have room again once others end', async () => {
    const [partnerId, other] = [await newPartner(), await newPartner()];
    const waiting = await waitingPulls(partnerId, perPartner);
    const refused = await pull(ownClaims(partnerId), { wait: '1' });
    expect(refused).toMatchObject({ statusCode: 429, json: { code: 'too_many_waiting' } });
    expect(refused.headers).toMatchObject({
      'retry-after': '5',
      'content-type': 'application/problem+json',
    });
    expect((await pull(ownClaims(other), { wait: '1' })).statusCode).toBe(200);
    expect((await pull({ ...operatorClaims }, { wait: '1', partnerId })).statusCode).toBe(200);
    // It does not wait.
    expect((await pull(ownClaims(partnerId), {})).statusCode).toBe(200);

    const answers = await waiting.end();
    expect(answers.map(({ statusCode }) => statusCode)).toEqual(answers.map(() => 200));
    expect((await pull(ownClaims(partnerId), { wait: '1' })).statusCode).toBe(200);
  });

  it('have what there is, however many wait', async () => {
    const partnerId = await newPartner();
    const waiting = await waitingPulls(partnerId, perPartner);
    await commit(partnerId);
    const { json } = await pull(ownClaims(partnerId), { wait: '20' });
    expect(z.object({ items: z.array(z.unknown()) }).parse(json).items).toHaveLength(1);
    await waiting.end();
  });

  it('of a function that crashed are forgotten, and not before their time', async () => {
    const [crashed, other] = [newFunction(), newFunction()];
    for (let index = 0; index < perPartner; index += 1)
      expect(await crashed.begin('crashing')).not.toBeNull();
    nowMs += 29_999;
    expect(await other.begin('crashing')).toBeNull();
    nowMs += 1;
    expect(await other.begin('crashing')).not.toBeNull();
  });

  it('end whether that can be noted or not', async () => {
    const broken = {
      ...tables.documents,
      send: async () => Promise.reject(new Error('throttled')),
    } satisfies typeof tables.documents;
    let documents: typeof tables.documents = tables.documents;
    const changing: typeof tables.documents = {
      ...tables.documents,
      send: async (command) => documents.send(command),
    };
    const waiting = await newFunction(changing).begin('unlucky');
    documents = broken;
    await expect(waiting?.end()).resolves.toBeUndefined();
  });

  it('cost two writes, and nothing where there is no wait', async () => {
    const partnerId = await newPartner();
    const waitingPulls = newFunction();
    const requestsOf = async (query: Record<string, string>) => {
      tables.takeRequests();
      expect((await pull(ownClaims(partnerId), query, { waitingPulls })).statusCode).toBe(200);
      return tables.takeRequests();
    };
    const atOnce = await requestsOf({});
    await requestsOf({ wait: '1' });
    const waited = await requestsOf({ wait: '1' });
    // Two more looks at the log, and one item that this function knows already.
    expect(waited).toEqual([...atOnce, 'PutItem', 'Query', 'Query', 'PutItem']);

    await commit(partnerId);
    expect(await requestsOf({ wait: '20' })).toEqual(await requestsOf({}));
  });
});
