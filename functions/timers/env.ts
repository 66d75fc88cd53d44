import * as z from 'zod';
import { parseEnv, textNumber } from '../shared/env.ts';
import { DeliveryQueuesEnv } from '../shared/queues-env.ts';

export const TimersEnvSchema = z.object({
  ENTITIES_TABLE: z.string(),
  EVENTS_TABLE: z.string(),
  DELIVERIES_TABLE: z.string(),
  ...DeliveryQueuesEnv,
  DUE_SHARDS: textNumber(z.int().min(1)),
  RETENTION_DAYS: textNumber(z.int().positive()),
  GRACE_HOURS: textNumber(z.number().positive()),
  /** How long a due delivery belongs to the run that took it, and to its task, from its turn on. */
  LEASE_SECONDS: textNumber(z.number().positive()),
  /** Due deliveries that one endpoint is given in a second. */
  CATCH_UP_PER_SECOND: textNumber(z.number().positive()),
  /** Parked deliveries that one endpoint is given in a second once it takes them again. */
  DRAIN_PER_SECOND: textNumber(z.number().positive()),
  /** Who fails for so long is switched off. */
  DISABLE_AFTER_HOURS: textNumber(z.number().positive()),
  /** How long after its receipt a delivery is on record for sure, unless something is wrong. */
  REDRIVE_SETTLE_SECONDS: textNumber(z.number().min(0)),
  /** Deliveries a second that all redrives of an endpoint have together. */
  REDRIVE_MAX_PER_SECOND: textNumber(z.number().positive()),
  /** The operator's own partner, who hears of every partner's operational events. */
  OPERATOR_PARTNER_ID: z.string(),
});

export const loadEnv = () => parseEnv(TimersEnvSchema);
