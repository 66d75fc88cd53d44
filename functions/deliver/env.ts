import * as z from 'zod';
import { RetryScheduleSchema } from '../../schemas/endpoint.ts';
import { HealthPolicySchema } from '../../schemas/endpoint-health.ts';
import { parseEnv, textFlag, textJson, textNumber } from '../shared/env.ts';
import { DeliveryQueuesEnv } from '../shared/queues-env.ts';

export const DeliverEnvSchema = z.object({
  ENTITIES_TABLE: z.string(),
  EVENTS_TABLE: z.string(),
  DELIVERIES_TABLE: z.string(),
  ...DeliveryQueuesEnv,
  ORDERED_DELIVERY_DLQ_URL: z.string(),
  /** What is given more often, though it had its turn in its lane, goes to that DLQ. */
  MAX_RECEIVE_COUNT: textNumber(z.int().min(1)),
  SECRETS_KEY_ARN: z.string(),
  DUE_SHARDS: textNumber(z.int().min(1)),
  RETENTION_DAYS: textNumber(z.int().positive()),
  /** Seconds before the first attempt and between attempts. An endpoint may have its own. */
  SCHEDULE_SECONDS: textJson(RetryScheduleSchema),
  /** The same for `message-pointer`; its last step is the time left to read after the last attempt. */
  POINTER_SCHEDULE_SECONDS: textJson(RetryScheduleSchema),
  /** A next attempt that is due later than this waits in the due index, a nearer one on the queue. SQS allows 900. */
  MAX_DELAY_SECONDS: textNumber(z.int().min(0).max(900)),
  /** One attempt, from its start to the end of the response. */
  ATTEMPT_TIMEOUT_MS: textNumber(z.int().positive()),
  /** The operator's own partner, who hears of every partner's operational events. */
  OPERATOR_PARTNER_ID: z.string(),
  ENDPOINT_CACHE_SECONDS: textNumber(z.number().min(0)),
  /** IANA name. `locker-open` shows emission times in it. */
  OPERATOR_TIME_ZONE: z.string(),
  /** Plain http to loopback: the local stack's receivers. Never on in AWS. */
  ALLOW_LOOPBACK_HTTP: textFlag,
  /** TCP ports of partners, as a JSON array. */
  ALLOWED_PORTS: textJson(z.array(z.int())),
  /** Requests a second at most, of what has waited in its lanes for an endpoint to recover. */
  DRAIN_PER_SECOND: textNumber(z.number().positive()),
  HEALTH_POLICY: textJson(HealthPolicySchema),
});

export const loadEnv = () => parseEnv(DeliverEnvSchema);
