import { createLimiter, type Limiter, type LimiterOptions } from './limiter.ts';

/** The requests to endpoints that have limits, each by its id. */
export type EndpointLimiter = Limiter;

export const createEndpointLimiter = (options: LimiterOptions): EndpointLimiter =>
  createLimiter(options, 'endpoint-limits');

/** The requests of what has waited in an endpoint's lanes: what happens now must not wait for their turns. */
export const createBacklogLimiter = (options: LimiterOptions): EndpointLimiter =>
  createLimiter(options, 'backlog-limits');
