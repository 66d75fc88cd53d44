import type { Logger } from '@aws-lambda-powertools/logger';
import { RuleEventSchema } from '../../schemas/tower-message.ts';
import { processPublication, type ProcessingDeps, type ProcessingReport } from './process-publication.ts';

/** What is used of Powertools' metrics. */
interface MetricSink {
  addMetric(name: string, unit: 'Count' | 'Seconds', value: number): unknown;
}

export interface IngestDeps extends ProcessingDeps {
  logger: Pick<Logger, 'info' | 'warn'>;
  metrics: MetricSink & {
    /** A field of the line that the metrics are printed in, which no metric is made of. */
    addMetadata(key: string, value: string): unknown;
    /** Gives a metric that has dimensions to itself. */
    singleMetric(): MetricSink & { addDimension(name: string, value: string): unknown };
  };
}

/**
 * Takes what the IoT rule hands over, by asynchronous invocation. Malformed messages are quarantined and are no
 * failure. Throws when the rule's own envelope is broken, or state could not be committed: Lambda then retries, and
 * in the end keeps the publication in the ingest DLQ.
 */
export function createHandler(deps: IngestDeps) {
  return async (event: unknown): Promise<void> => {
    const ruleEvent = RuleEventSchema.parse(event);
    const report = await processPublication(deps, ruleEvent);
    const { downlinkFailures, quarantined, ...counts } = report;
    for (const error of downlinkFailures) {
      deps.logger.warn('tower not answered', { towerId: report.towerId, cause: String(error) });
    }
    const { traceId, clientId } = ruleEvent;
    // An ordinary publication has no line of its own: that of its metrics names it.
    if (isOrdinary(report)) {
      deps.metrics.addMetadata('towerId', report.towerId ?? '');
      deps.metrics.addMetadata('traceId', traceId);
    } else {
      const reasons = Object.fromEntries(quarantined);
      deps.logger.info('publication', { ...counts, traceId, clientId, quarantined: reasons });
    }
    countReport(deps.metrics, report);
  };
}

const isOrdinary = ({ repeated, quarantined, gaps, downlinkFailures }: ProcessingReport): boolean =>
  repeated + quarantined.size + gaps + downlinkFailures.length === 0;

/** Zeros are left out: a metric costs by what is sent. */
function countReport(metrics: IngestDeps['metrics'], report: ProcessingReport): void {
  const count = (name: string, value: number) => {
    if (value > 0) metrics.addMetric(name, 'Count', value);
  };
  let quarantined = 0;
  for (const [reason, messages] of report.quarantined) {
    quarantined += messages;
    const byReason = metrics.singleMetric();
    byReason.addDimension('reason', reason);
    byReason.addMetric('MessagesQuarantinedByReason', 'Count', messages);
  }
  count('EventsCommitted', report.committed);
  count('EventsRepeated', report.repeated);
  count('MessagesQuarantined', quarantined);
  count('GapsDetected', report.gaps);
  if (report.oldestGapSeconds !== null)
    metrics.addMetric('OldestGapSeconds', 'Seconds', report.oldestGapSeconds);
  count('DownlinkFailures', report.downlinkFailures.length);
}
