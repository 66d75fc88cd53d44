import * as z from 'zod';
import { parseEnv, textNumber } from '../shared/env.ts';

export const TimersEnvSchema = z.object({
  ENTITIES_TABLE: z.string(),
  EVENTS_TABLE: z.string(),
  DELIVERIES_TABLE: z.string(),
  DELIVERY_QUEUE_URL: z.string(),
  DUE_SHARDS: textNumber(z.int().min(1)),
  RETENTION_DAYS: textNumber(z.int().positive()),
  GRACE_HOURS: textNumber(z.number().positive()),
  /** How long a due delivery belongs to the run that took it. */
  LEASE_SECONDS: textNumber(z.number().positive()),
});

export const loadEnv = () => parseEnv(TimersEnvSchema);
