import { openBed, warmUpMessages } from '../bed.ts';
import { cpuPerEvent } from '../measure/function-figures.ts';
import { orderly } from '../load/plan.ts';
import { latencyRow } from '../report/rows.ts';
import { fixed, inOrder, none, type Scenario } from '../scenario.ts';

/** What a tower may send at once: 128 KB. */
const arrayBytes = 128 * 1024;

/** A tower comes back from a long time offline and flushes its buffer, while others go on reporting. */
export const flush: Scenario = {
  name: 'flush',
  describes: 'a tower flushes its buffer in arrays of 128 KB, ten others report live',
  async run(context) {
    const buffered = context.quick ? 1_200 : 6_000;
    const liveSeconds = context.quick ? 10 : 30;
    const ordered = context.quick ? 300 : 1_500;
    const warmUp = warmUpMessages(context);
    await using bed = await openBed(context, {
      name: 'flush',
      plan: {
        groups: [
          {
            name: 'offline',
            towers: 1,
            story: 'doors',
            endpoints: [{ name: 'e', label: 'flushed' }],
            messages: buffered,
          },
          {
            name: 'live',
            towers: 10,
            endpoints: [{ name: 'e', label: 'live' }],
            messages: warmUp + 20 * liveSeconds,
          },
          orderly(2, ordered),
        ],
      },
    });
    const { load } = bed;
    await load.run({ group: 'live', messages: warmUp, perSecond: null });
    const live = { group: 'live', messages: 10 * liveSeconds, perSecond: 10 };
    const before = await load.run(live);
    const { result, functions } = await bed.measure(async () => {
      const [flushed, during] = await Promise.all([
        load.run({ group: 'offline', messages: buffered, perSecond: null, arrayBytes }),
        load.run(live),
      ]);
      return { flushed, during };
    });
    context.say('flush to an ordered endpoint');
    const inTurn = await load.run({ group: 'orderly', messages: ordered, perSecond: null, arrayBytes });
    const audit = await load.audit();
    const { flushed, during } = result;
    const events = flushed.events + during.events;
    return {
      figures: { before, flushed, during, inTurn, functions, audit },
      checks: [
        none('flush: lost', audit.lost),
        none('flush: duplicated', audit.duplicated),
        ...inOrder('flush to an ordered endpoint', audit),
      ],
      sections: [
        {
          title: 'The flush',
          header: ['', ''],
          rows: [
            ['messages', String(flushed.events)],
            ['arrays', String(flushed.publications)],
            ['to the last PUBACK, s', fixed(flushed.publishedMs / 1000, 1)],
            ['to the last receipt, s', fixed(flushed.elapsedMs / 1000, 1)],
            ['events a second', fixed((flushed.events * 1000) / flushed.elapsedMs, 0)],
            ['CPU ms an event, all functions', fixed(cpuPerEvent(functions, events)['together'] ?? 0)],
          ],
        },
        {
          title: "Latency of the other towers' events, ms",
          header: ['', 'p50', 'p95', 'p99', 'max'],
          rows: [
            ...latencyRow({ before: before.latencyMs['live'] ?? noLatency }),
            ...latencyRow({ 'during the flush': during.latencyMs['live'] ?? noLatency }),
          ],
        },
      ],
    };
  },
};

const noLatency = { p50: 0, p95: 0, p99: 0, max: 0 };
