import { describe, expect, it } from 'vitest';
import { createHandler } from '../../functions/deliver/create-handler.ts';
import { formatDeliveryTask } from '../../functions/shared/delivery-task.ts';
import { makeWorld } from '../functions/deliver/world.ts';
import { makeSqsEvent, makeSqsRecord } from '../helpers/batches.ts';
import { makeTask } from '../helpers/deliveries.ts';

const errors = 50;

describe('deliver goes on after any number of errors', () => {
  it('of what it reads', async () => {
    const handler = createHandler(makeWorld().deps);
    for (let round = 0; round < errors; round += 1)
      expect(await handler(makeSqsEvent(makeSqsRecord('poison', '{"v":9}')))).toEqual({
        batchItemFailures: [{ itemIdentifier: 'poison' }],
      });
    const good = makeSqsRecord('good', formatDeliveryTask(makeTask()));
    expect(await handler(makeSqsEvent(makeSqsRecord('poison', 'no JSON'), good))).toEqual({
      batchItemFailures: [{ itemIdentifier: 'poison' }],
    });
  });

  it('of what it calls', async () => {
    const world = makeWorld();
    let left = errors;
    const { endpoints } = world.deps;
    world.deps.endpoints = {
      ...endpoints,
      async get(ref) {
        left -= 1;
        if (left >= 0) throw new Error('made to fail');
        return endpoints.get(ref);
      },
    };
    const handler = createHandler(world.deps);
    const task = makeSqsRecord('task', formatDeliveryTask(makeTask()));
    for (let round = 0; round < errors; round += 1)
      expect(await handler(makeSqsEvent(task))).toEqual({ batchItemFailures: [{ itemIdentifier: 'task' }] });
    expect(await handler(makeSqsEvent(task))).toEqual({ batchItemFailures: [] });
    expect(world.posts).toHaveLength(1);
  });
});
