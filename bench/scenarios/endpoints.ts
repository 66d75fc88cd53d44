import { measureFlatness } from '../measure/flatness.ts';
import type { Scenario } from '../scenario.ts';

const endpointsPerPartner = 10;
const lockers = 5;

/** Partners with ten endpoints each, of which two hear of a locker: 1 to 100 partners. */
export const endpoints: Scenario = {
  name: 'endpoints',
  describes: '10 to 1,000 endpoints of many partners, two of them for each event',
  async run(context) {
    return measureFlatness(context, {
      name: 'endpoints',
      unit: 'endpoints',
      sizes: context.quick ? [10, 1_000] : [10, 100, 1_000],
      messages: 300,
      rounds: context.quick ? 2 : 4,
      runs: context.quick ? 1 : 2,
      // Slow enough for events to come one by one: what shares requests at ten endpoints would not at a thousand.
      perSecond: 30,
      // Slowly at first: an endpoint that nobody knows is tried out, and who is tried by a machine that is busy counts as slow.
      // Then each process meets each endpoint: opening its secret for the first time in an hour is not what an event costs.
      warmUp: [
        { messages: 1_000, perSecond: 15 },
        { messages: context.quick ? 600 : 4_500, perSecond: 60 },
      ],
      limit: 0.1,
      planOf: (size, messages) => ({
        name: 'tower',
        towers: 100,
        partners: size / endpointsPerPartner,
        story: 'doors',
        endpoints: Array.from({ length: endpointsPerPartner }, (_, index) => ({
          name: `e${index + 1}`,
          locker: (index % lockers) + 1,
        })),
        messages,
      }),
    });
  },
};
