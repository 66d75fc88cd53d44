import * as z from 'zod';
import { parseEnv, textNumber } from '../shared/env.ts';

export const IngestEnvSchema = z.object({
  ENTITIES_TABLE: z.string(),
  EVENTS_TABLE: z.string(),
  DUE_SHARDS: textNumber(z.int().min(1)),
  /** From STOCKED to RETURNING. */
  GRACE_HOURS: textNumber(z.number().positive()),
  RETENTION_DAYS: textNumber(z.int().positive()),
});

export const loadEnv = () => parseEnv(IngestEnvSchema);
