import * as z from 'zod';
import { RetryScheduleSchema } from '../../schemas/endpoint.ts';
import { parseEnv, textJson, textNumber } from '../shared/env.ts';

export const DeadLetterEnvSchema = z.object({
  ENTITIES_TABLE: z.string(),
  DELIVERIES_TABLE: z.string(),
  DUE_SHARDS: textNumber(z.int().min(1)),
  RETENTION_DAYS: textNumber(z.int().positive()),
  SCHEDULE_SECONDS: textJson(RetryScheduleSchema),
  POINTER_SCHEDULE_SECONDS: textJson(RetryScheduleSchema),
});

export const loadEnv = () => parseEnv(DeadLetterEnvSchema);
