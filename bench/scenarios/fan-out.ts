import { measureFlatness } from '../measure/flatness.ts';
import type { Scenario } from '../scenario.ts';

/** One event for 1, 10 and 100 endpoints. What it costs grows with them; what a delivery costs must not. */
export const fanOut: Scenario = {
  name: 'fan-out',
  describes: '1, 10 and 100 endpoints hear of each event',
  async run(context) {
    return measureFlatness(context, {
      name: 'fan-out',
      unit: 'endpoints',
      sizes: [1, 10, 100],
      messages: context.quick ? 30 : 150,
      perSecond: 5,
      settling: 100,
      warmUp: [{ messages: context.quick ? 50 : 200, perSecond: 10 }],
      limit: null,
      planOf: (size, messages) => ({
        name: 'tower',
        towers: 10,
        story: 'doors',
        endpoints: Array.from({ length: size }, (_, index) => ({ name: `e${index + 1}` })),
        messages,
      }),
    });
  },
};
