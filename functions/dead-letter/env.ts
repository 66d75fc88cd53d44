import * as z from 'zod';
import { RetryScheduleSchema } from '../../schemas/endpoint.ts';
import { parseEnv, textJson, textNumber } from '../shared/env.ts';
import { DeliveryQueuesEnv } from '../shared/queues-env.ts';

export const DeadLetterEnvSchema = z.object({
  ENTITIES_TABLE: z.string(),
  EVENTS_TABLE: z.string(),
  DELIVERIES_TABLE: z.string(),
  ...DeliveryQueuesEnv,
  DUE_SHARDS: textNumber(z.int().min(1)),
  RETENTION_DAYS: textNumber(z.int().positive()),
  /** The operator's own partner, who hears of every partner's operational events. */
  OPERATOR_PARTNER_ID: z.string(),
  SCHEDULE_SECONDS: textJson(RetryScheduleSchema),
  POINTER_SCHEDULE_SECONDS: textJson(RetryScheduleSchema),
});

export const loadEnv = () => parseEnv(DeadLetterEnvSchema);
