import { measureFlatness } from '../measure/flatness.ts';
import type { Scenario } from '../scenario.ts';

/** The same number of events, from more and more towers. */
export const towers: Scenario = {
  name: 'towers',
  describes: 'the same load from 10 to 10,000 connected towers',
  async run(context) {
    return measureFlatness(context, {
      name: 'towers',
      unit: 'towers',
      sizes: context.quick ? [10, 1_000] : [10, 1_000, 10_000],
      messages: 300,
      rounds: context.quick ? 2 : 4,
      runs: context.quick ? 1 : 2,
      perSecond: 30,
      warmUp: [{ messages: context.quick ? 300 : 3_000, perSecond: 60 }],
      limit: 0.1,
      planOf: (size, messages) => ({
        name: 'tower',
        towers: size,
        story: 'doors',
        endpoints: [{ name: 'one' }, { name: 'two' }],
        // A tower has at least one to send.
        messages: Math.max(messages, size),
      }),
    });
  },
};
