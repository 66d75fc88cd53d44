import * as z from 'zod';
import { parseEnv, textFlag, textJson, textNumber } from '../shared/env.ts';

export const ApiEnvSchema = z.object({
  ENTITIES_TABLE: z.string(),
  EVENTS_TABLE: z.string(),
  DELIVERIES_TABLE: z.string(),
  SECRETS_KEY_ARN: z.string(),
  DUE_SHARDS: textNumber(z.int().min(1)),
  /** From STOCKED to RETURNING. */
  GRACE_HOURS: textNumber(z.number().positive()),
  RETENTION_DAYS: textNumber(z.int().positive()),
  /** Deliveries a second, of a redrive that names no rate, and the highest that one may name. */
  REDRIVE_PER_SECOND: textNumber(z.number().positive()),
  REDRIVE_MAX_PER_SECOND: textNumber(z.number().positive()),
  /** How long other functions may go on with an endpoint as they know it. */
  ENDPOINT_CACHE_SECONDS: textNumber(z.number().min(0)),
  /** Redrives of one partner that may run at a time. */
  REDRIVES_PER_PARTNER: textNumber(z.int().min(1)),
  /** Requests of one partner that may wait for events at a time. */
  WAITING_PULLS_PER_PARTNER: textNumber(z.int().min(1)),
  /** Redrives of one partner that may be counted at a time. */
  DRY_RUNS_PER_PARTNER: textNumber(z.int().min(1)),
  /** How long a locker-open link works. */
  LINK_HOURS: textNumber(z.number().positive()),
  /** How long a tower may act on an `open` command. */
  COMMAND_SECONDS: textNumber(z.int().positive()),
  /** IANA name: the page behind a link shows times in it. */
  OPERATOR_TIME_ZONE: z.string(),
  /** How long a rotated signing key signs on beside the new one. */
  KEY_OVERLAP_SECONDS: textNumber(z.number().positive()),
  /** What links to the public pages begin with, without a slash at the end. */
  PUBLIC_BASE_URL: z.string(),
  /** Plain http to loopback: the local stack's receivers. Never on in AWS. */
  ALLOW_LOOPBACK_HTTP: textFlag,
  /** TCP ports of partners' endpoints, as a JSON array. */
  ALLOWED_PORTS: textJson(z.array(z.int())),
});

export const loadEnv = () => parseEnv(ApiEnvSchema);
