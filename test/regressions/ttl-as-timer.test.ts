import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { deliveryItem } from '../../functions/shared/delivery-item.ts';
import { stageDefaults } from '../../lib/stage-defaults.ts';
import { addMs, instantToMs } from '../../schemas/instant.ts';
import { makeRecord } from '../helpers/deliveries.ts';
import { synthesize } from '../lib/synthesized.ts';

const IndexSchema = z.object({
  GlobalSecondaryIndexes: z
    .array(z.object({ KeySchema: z.array(z.object({ AttributeName: z.string() })) }))
    .optional(),
});

describe('the time to live cleans up and times nothing', () => {
  const stack = synthesize('prod');

  it.each(stack.ofType('AWS::DynamoDB::Table'))('no index of %s has it as a key', (_, table) => {
    const { GlobalSecondaryIndexes: indexes = [] } = IndexSchema.parse(table.Properties);
    const names = indexes.flatMap(({ KeySchema }) => KeySchema.map(({ AttributeName }) => AttributeName));
    expect(names).not.toContain('expiresAt');
  });

  // That it ignores removals is tested beside it: test/functions/fan-out/create-handler.test.ts.
  it('nobody but fan-out hears of a removal', () => {
    const streams = stack
      .ofType('AWS::Lambda::EventSourceMapping')
      .filter(([, { Properties }]) => JSON.stringify(Properties['EventSourceArn']).includes('StreamArn'));
    expect(streams.map(([id]) => id)).toEqual(['FanOutMapping']);
  });

  it.each(['local', 'dev', 'prod'] as const)(
    '%s: a delivery outlives the last step of its schedule',
    (name) => {
      const { delivery, retentionDays, dueShards } = stageDefaults[name];
      const receivedAt = '2026-03-20T09:15:00.250Z';
      for (const schedule of [delivery.scheduleSeconds, delivery.pointerScheduleSeconds]) {
        // Each step may be a fifth longer.
        const longestMs = schedule.reduce((sum, step) => sum + step, 0) * 1_200;
        const dueAt = addMs(receivedAt, longestMs);
        const record = makeRecord({ status: 'pending', dueAt });
        const item = deliveryItem(
          { ...record, event: { ...record.event, receivedAt } },
          { dueShards, retentionDays },
        );
        expect(Number(item['expiresAt']) * 1_000).toBeGreaterThan(instantToMs(dueAt));
      }
    },
  );
});
