import { LogFormatter, Logger, LogItem } from '@aws-lambda-powertools/logger';
import type { LogAttributes, UnformattedAttributes } from '@aws-lambda-powertools/logger/types';
import { injectLambdaContext } from '@aws-lambda-powertools/logger/middleware';
import { Metrics } from '@aws-lambda-powertools/metrics';
import wrap from '@middy/core';

/**
 * What a line says of its invocation: enough to find the others. Powertools' own formatter adds the function's ARN, name and
 * memory to every line, and CloudWatch charges by the byte.
 */
class CompactFormatter extends LogFormatter {
  override formatAttributes(line: UnformattedAttributes, fields: LogAttributes): LogItem {
    const { logLevel: level, message, timestamp, serviceName: service, lambdaContext } = line;
    return new LogItem({
      attributes: {
        level,
        message,
        timestamp: this.formatTimestamp(timestamp),
        service,
        requestId: lambdaContext?.awsRequestId,
        coldStart: lambdaContext?.coldStart === true ? true : undefined,
        xrayTraceId: line.xRayTraceId,
      },
    }).addAttributes(fields);
  }
}

/** `stage` is the function's folder name: it names the service in logs and metrics. */
export const createLogger = (stage: string): Logger =>
  new Logger({ serviceName: stage, logFormatter: new CompactFormatter() });

/** Their namespace is the stage's of the deployment: Powertools reads it from POWERTOOLS_METRICS_NAMESPACE. */
export const createMetrics = (stage: string): Metrics => new Metrics({ serviceName: stage });

export interface Observed {
  logger: Logger;
  metrics: Metrics;
}

/**
 * What every function is wrapped in: log lines carry the invocation's context, and what was counted is printed as EMF
 * at its end, also after an error. Powertools' own middleware warns whenever nothing was counted, which is
 * ordinary here (an empty run of `timers`, an event that nobody wants).
 */
export const observe = <Event, Result>({ logger, metrics }: Observed) => {
  const publish = () => {
    if (metrics.hasStoredMetrics()) metrics.publishStoredMetrics();
    else metrics.clearMetadata();
  };
  return wrap<Event, Result>().use(injectLambdaContext(logger)).use({ after: publish, onError: publish });
};
