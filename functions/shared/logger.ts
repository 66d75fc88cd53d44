import { Logger } from '@aws-lambda-powertools/logger';
import { injectLambdaContext } from '@aws-lambda-powertools/logger/middleware';
import { Metrics } from '@aws-lambda-powertools/metrics';
import wrap from '@middy/core';

/** `stage` is the function's folder name: it names the service in logs and metrics. */
export const createLogger = (stage: string): Logger => new Logger({ serviceName: stage });

export const createMetrics = (stage: string): Metrics =>
  new Metrics({ namespace: 'Towercast', serviceName: stage });

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
  };
  return wrap<Event, Result>().use(injectLambdaContext(logger)).use({ after: publish, onError: publish });
};
