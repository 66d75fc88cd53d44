import { instantToMs } from '../../schemas/instant.ts';

interface MetricSink {
  addMetric(name: string, unit: 'Count' | 'Seconds', value: number): unknown;
}

export interface TimersMetrics extends MetricSink {
  /** Gives a metric that has dimensions to itself. */
  singleMetric(): MetricSink & { addDimension(name: string, value: string): unknown };
}

/**
 * For how long the one has waited that has waited longest: beyond its time where its endpoint takes deliveries, since
 * its receipt or since its endpoint fails where not. Zero is sent too: silence means that nobody looked.
 */
export function recordOldest(
  metrics: TimersMetrics,
  endpointClass: 'healthy' | 'failing',
  oldestAt: string | null,
  nowMs: number,
): void {
  const single = metrics.singleMetric();
  single.addDimension('endpointClass', endpointClass);
  single.addMetric('OldestUndeliveredSeconds', 'Seconds', secondsSince(oldestAt, nowMs));
}

/** 0 for null: nothing waits. */
export const secondsSince = (oldestAt: string | null, nowMs: number): number =>
  oldestAt === null ? 0 : Math.max((nowMs - instantToMs(oldestAt)) / 1_000, 0);
