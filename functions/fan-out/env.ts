import * as z from 'zod';
import { parseEnv, textNumber } from '../shared/env.ts';

export const FanOutEnvSchema = z.object({
  ENTITIES_TABLE: z.string(),
  DELIVERY_QUEUE_URL: z.string(),
  RETENTION_DAYS: textNumber(z.int().positive()),
  ENDPOINT_CACHE_SECONDS: textNumber(z.number().min(0)),
});

export const loadEnv = () => parseEnv(FanOutEnvSchema);
