import { describe, expect, it } from 'vitest';
import { deliver } from '../../functions/deliver/delivery.ts';
import { formatDeliveryTask } from '../../functions/shared/delivery-task.ts';
import { maxBatchBytes } from '../../functions/shared/queue.ts';
import { AttemptSchema } from '../../schemas/delivery.ts';
import { makeWorld, received, responds } from '../functions/deliver/world.ts';
import { makeAttempts, makeEndpoint, makeTask } from '../helpers/deliveries.ts';

const longestSchedule = Array.from({ length: 20 }, () => 60);
/** What escapes to the most bytes in JSON. */
const worst = '\u0000';

describe('a large response does not stop the delivery that it answers', () => {
  it('the next task is hardly longer for 10 MB of it', async () => {
    const sizes = await Promise.all(
      ['', 'x'.repeat(10_000_000)].map(async (body) => {
        const world = makeWorld({ answer: () => responds(500, body) });
        await deliver(world.deps, makeTask(), received(1));
        return Buffer.byteLength(formatDeliveryTask(world.sent[0]?.task ?? makeTask()));
      }),
    );
    expect((sizes[1] ?? 0) - (sizes[0] ?? 0)).toBeLessThan(2_000);
  });

  it('the last task of the longest schedule fits the queue, whatever was answered each time', async () => {
    const world = makeWorld({
      endpoints: [makeEndpoint({ scheduleSeconds: longestSchedule })],
      answer: () => responds(500, worst.repeat(100_000)),
    });
    const attempts = makeAttempts(longestSchedule.length - 2);
    for (const attempt of attempts) attempt.responseExcerpt = worst.repeat(1_024);
    expect(attempts.every((attempt) => AttemptSchema.safeParse(attempt).success)).toBe(true);
    await deliver(world.deps, makeTask({ attempts }), received(1));
    const [next] = world.sent;
    expect(next?.task.attempts).toHaveLength(longestSchedule.length - 1);
    // Beside it there is room for the largest event: 400 kB, which DynamoDB takes.
    expect(Buffer.byteLength(formatDeliveryTask(next?.task ?? makeTask()))).toBeLessThan(
      maxBatchBytes - 400_000,
    );
  });
});
