import { Logger } from '@aws-lambda-powertools/logger';
import { Metrics } from '@aws-lambda-powertools/metrics';

/** `stage` is the function's folder name: it names the service in logs and metrics. */
export const createLogger = (stage: string): Logger => new Logger({ serviceName: stage });

export const createMetrics = (stage: string): Metrics =>
  new Metrics({ namespace: 'Towercast', serviceName: stage });
