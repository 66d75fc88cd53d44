import { describe, expect, it } from 'vitest';
import { createHandler } from '../../functions/deliver/create-handler.ts';
import { formatDeliveryTask } from '../../functions/shared/delivery-task.ts';
import { makeWorld, responds } from '../functions/deliver/world.ts';
import { makeSqsEvent, makeSqsRecord } from '../helpers/batches.ts';
import { makeAttempts, makeTask } from '../helpers/deliveries.ts';
import { statementsByFunction } from './statements.ts';

describe('a delivery that waits for its next attempt is not in flight', () => {
  it.each([...statementsByFunction()])('%s may not change the visibility of a message', (_, statements) => {
    const actions = statements.flatMap((statement) => statement.actions);
    expect(actions).not.toContain('sqs:ChangeMessageVisibility');
  });

  it.each([0, 1, 2])(
    'its task is acknowledged after a failure that %i others came before',
    async (before) => {
      const world = makeWorld({ answer: () => responds(500) });
      const task = makeTask({ attempts: makeAttempts(before) });
      const result = await createHandler(world.deps)(
        makeSqsEvent(makeSqsRecord('m', formatDeliveryTask(task))),
      );
      expect(result).toEqual({ batchItemFailures: [] });
      expect([...world.records.values()].map(({ attempts }) => attempts.length)).toEqual([before + 1]);
    },
  );
});
