import { createLimiter, type Limiter, type LimiterOptions } from './limiter.ts';

/** The requests to endpoints that have limits, or a backlog in their lanes, each by its id. */
export type EndpointLimiter = Limiter;

export const createEndpointLimiter = (options: LimiterOptions): EndpointLimiter =>
  createLimiter(options, 'endpoint-limits');
