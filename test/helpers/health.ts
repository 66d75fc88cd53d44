import type { EndpointHealth, HealthPolicy } from '../../schemas/endpoint-health.ts';
import { healthyEndpoint } from '../../functions/domain/endpoint-health.ts';

/** Opens at the third failure, for 30 s, 60 s, 120 s. Nobody goes by what was read before. */
export const policy: HealthPolicy = {
  failuresToOpen: 3,
  failuresToOpenAtOnce: 30,
  cacheSeconds: 0,
  openSeconds: 30,
  maxOpenSeconds: 120,
  longestStepSeconds: 86_400,
  probeSeconds: 20,
  slowMs: 2_000,
  slowSeconds: 300,
};

/** Of endpoint `main` of `acme`, known to be healthy unless told otherwise. */
export const makeHealth = (overrides: Partial<EndpointHealth> = {}): EndpointHealth => ({
  ...healthyEndpoint({ partnerId: 'acme', endpointId: 'main' }),
  version: 1,
  provenAt: '2026-03-20T08:00:00.000Z',
  ...overrides,
});
