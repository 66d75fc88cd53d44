import * as z from 'zod';
import { parseEnv, textNumber } from '../shared/env.ts';
import { DeliveryQueuesEnv } from '../shared/queues-env.ts';

export const FanOutEnvSchema = z.object({
  ENTITIES_TABLE: z.string(),
  EVENTS_TABLE: z.string(),
  DELIVERIES_TABLE: z.string(),
  ...DeliveryQueuesEnv,
  RETENTION_DAYS: textNumber(z.int().positive()),
  ENDPOINT_CACHE_SECONDS: textNumber(z.number().min(0)),
});

export const loadEnv = () => parseEnv(FanOutEnvSchema);
