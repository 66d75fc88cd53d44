import type { SQSEvent, SQSRecord } from 'aws-lambda';

/** A record as SQS hands it to a function. */
export const makeSqsRecord = (messageId: string, body: string, receiveCount = 1): SQSRecord => ({
  messageId,
  receiptHandle: `receipt-${messageId}`,
  body,
  attributes: {
    ApproximateReceiveCount: String(receiveCount),
    SentTimestamp: '1774000000000',
    SenderId: 'AIDAEXAMPLE',
    ApproximateFirstReceiveTimestamp: '1774000000001',
  },
  messageAttributes: {},
  md5OfBody: '',
  eventSource: 'aws:sqs',
  eventSourceARN: 'arn:aws:sqs:eu-central-1:000000000000:delivery',
  awsRegion: 'eu-central-1',
});

export const makeSqsEvent = (...records: SQSRecord[]): SQSEvent => ({ Records: records });

/** Every line logged and every metric added, in order. */
export function makeObserver() {
  const lines: { level: string; message: string; fields: Record<string, unknown> }[] = [];
  const metrics: { name: string; value: number }[] = [];
  const log = (level: string) => (message: string, fields: Record<string, unknown>) => {
    lines.push({ level, message, fields });
  };
  return {
    lines,
    metrics,
    logger: { info: log('info'), warn: log('warn'), error: log('error') },
    /** The sum of a metric's values. */
    total: (name: string): number =>
      metrics.filter((metric) => metric.name === name).reduce((sum, { value }) => sum + value, 0),
    recorder: {
      addMetric(name: string, _unit: string, value: number): void {
        metrics.push({ name, value });
      },
    },
  };
}
