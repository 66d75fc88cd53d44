import type { DynamoDBRecord } from 'aws-lambda';
import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { createHandler } from '../../../functions/fan-out/create-handler.ts';
import { matches } from '../../../functions/domain/match.ts';
import type { SqsClient } from '../../../functions/shared/aws/sqs.ts';
import { parseDeliveryTask } from '../../../functions/shared/delivery-task.ts';
import { createTaskSender } from '../../../functions/shared/queue.ts';
import type { DomainEvent } from '../../../schemas/event.ts';
import { makeEndpoint, makeEvent } from '../../helpers/deliveries.ts';
import { batchOf, insertOf, makeWorld } from './world.ts';

const endpoints = [
  makeEndpoint({ endpointId: 'all', ordered: true }),
  makeEndpoint({ endpointId: 'some', ordered: true, filter: { types: ['reservation.stocked'] } }),
  makeEndpoint({ endpointId: 'theirs', partnerId: 'rival', ordered: true }),
  makeEndpoint({ endpointId: 'unordered' }),
];

const draft = fc.record({
  locker: fc.constantFrom(1, 2),
  type: fc.constantFrom('reservation.stocked' as const, 'reservation.picked_up' as const),
  partnerIds: fc.constantFrom(['acme'], ['rival'], ['acme', 'rival']),
});

/** Commits one after the other; the records of each come in any order. What fails, fails that often and no more. */
const stream = fc.record({
  commits: fc.array(fc.array(fc.tuple(draft, fc.nat()), { minLength: 1, maxLength: 8 }), { maxLength: 4 }),
  batchSizes: fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 1, maxLength: 8 }),
  sendFailures: fc.array(fc.boolean(), { maxLength: 20 }),
  readFailures: fc.array(fc.boolean(), { maxLength: 10 }),
  restarts: fc.array(fc.boolean(), { maxLength: 10 }),
});

interface Committed {
  event: DomainEvent;
  after: string | null;
  place: number;
}

function commitsOf(
  commits: readonly (readonly [{ locker: number; type: string; partnerIds: readonly string[] }, number][])[],
) {
  let number = 0;
  return commits.map((drafts) => {
    const last = new Map<number, string>();
    return drafts.map(([{ locker, ...rest }, place]): Committed => {
      const id = `evt_0000000000000001-${locker}_mmykbvk0_b7-${(number += 1)}`;
      const after = last.get(locker) ?? null;
      last.set(locker, id);
      return { event: makeEvent({ id, locker, ...rest }), after, place };
    });
  });
}

/** SQS that refuses entries and calls, and what it accepted: endpoint and event. */
function sqsThatFails(failures: boolean[]) {
  const accepted: [endpointId: string, event: DomainEvent][] = [];
  const sqs: SqsClient = {
    async sendMessageBatch({ Entries }) {
      const Failed = Entries.flatMap(({ Id = '', MessageBody = '' }) => {
        if (failures.shift() === true) return [{ Id, Code: 'InternalError', SenderFault: true }];
        const { endpointId, event } = parseDeliveryTask(MessageBody);
        accepted.push([endpointId, event]);
        return [];
      });
      return { Successful: [], Failed };
    },
    destroy() {},
  };
  return { sqs, accepted };
}

const queues = {
  live: 'https://sqs.example/live',
  slow: 'https://sqs.example/slow',
  ordered: 'https://sqs.example/ordered.fifo',
};

/** Hands over records as Lambda does: again from the first one on that failed. */
async function handOver(
  records: readonly DynamoDBRecord[],
  start: () => ReturnType<typeof createHandler>,
  { batchSizes, restarts }: { batchSizes: readonly number[]; restarts: boolean[] },
): Promise<void> {
  let handler = start();
  for (let [from, rounds] = [0, 0]; from < records.length; rounds += 1) {
    expect(rounds).toBeLessThan(200);
    if (restarts.shift() === true) handler = start();
    const batch = records.slice(from, from + (batchSizes[rounds % batchSizes.length] ?? 1));
    const { batchItemFailures } = await handler(batchOf(...batch));
    const failed = batchItemFailures.map(({ itemIdentifier }) => Number(itemIdentifier));
    from = Math.min(from + batch.length, ...failed);
  }
}

/** Repeats don't count: lanes and logs drop them. */
const firsts = (events: readonly string[], locker: number): string[] =>
  [...new Set(events)].filter((id) => id.startsWith(`evt_0000000000000001-${locker}_`));

it('no record overtakes what its commit has before it, however records come and whatever fails', async () => {
  await fc.assert(
    fc.asyncProperty(stream, async ({ commits, batchSizes, sendFailures, readFailures, restarts }) => {
      const committed = commitsOf(commits);
      const world = makeWorld(endpoints);
      for (const { event, after } of committed.flat()) world.stored.set(event.id, { event, after });
      const { sqs, accepted } = sqsThatFails([...sendFailures]);
      world.deps.tasks = createTaskSender({ sqs, queues });
      const table = world.deps.committed;
      const failures = [...readFailures];
      world.deps.committed = {
        get: async (id) =>
          failures.shift() === true ? Promise.reject(new Error('throttled')) : table.get(id),
      };
      const records = committed
        .flatMap((commit) => commit.toSorted((a, b) => a.place - b.place))
        .map(({ event, after }, index) => insertOf(index, event, after));
      const lambda = { batchSizes, restarts: [...restarts] };
      await handOver(records, () => createHandler(world.deps), lambda);

      const events = committed.flat().map(({ event }) => event);
      for (const locker of [1, 2]) {
        for (const endpoint of endpoints) {
          const to = accepted.filter(([endpointId]) => endpointId === endpoint.endpointId);
          const arrived = firsts(
            to.map(([, { id }]) => id),
            locker,
          );
          const wanted = firsts(
            events.filter((event) => matches(endpoint, event)).map(({ id }) => id),
            locker,
          );
          const comparable = (ids: string[]) => (endpoint.ordered === true ? ids : ids.toSorted());
          expect(comparable(arrived)).toEqual(comparable(wanted));
        }
        // Each has an ordered endpoint that wants everything: so its log is in that order, too.
        for (const partner of ['acme', 'rival']) {
          const logged = world.logged.flatMap(([partnerId, ids]) => (partnerId === partner ? ids : []));
          const known = events.filter(({ partnerIds }) => partnerIds.includes(partner)).map(({ id }) => id);
          expect(firsts(logged, locker)).toEqual(firsts(known, locker));
        }
      }
    }),
    { numRuns: 200 },
  );
});
