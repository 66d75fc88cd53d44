import * as z from 'zod';
import { DomainEventSchema, eventTypes, type DomainEvent } from './event.ts';
import { InstantSchema, LockerNumberSchema, NameSchema, TowerIdSchema } from './primitives.ts';

const MillisecondsSchema = z.number().min(0).nullable();

/** Null where a phase did not happen: a literal needs no DNS, a kept connection none of the first three. */
const AttemptTimesSchema = z
  .object({
    dns: MillisecondsSchema,
    connect: MillisecondsSchema,
    tls: MillisecondsSchema,
    firstByte: MillisecondsSchema,
  })
  .meta({
    description:
      'Milliseconds from the start of the attempt until the name was resolved, the connection made, TLS set up, and the head of the response there. `durationMs` is the end. Null: that phase did not happen; a kept connection needs none of the first three.',
  });
export type AttemptTimes = z.infer<typeof AttemptTimesSchema>;

const ConnectionSchema = z
  .object({
    /** Of the peer. */
    port: z.int(),
    reused: z.boolean().meta({ description: 'Whether an earlier attempt had made the connection.' }),
    tls: z
      .object({
        protocol: z.string().meta({ description: 'As negotiated: `TLSv1.3`.' }),
        certificateSha256: z
          .string()
          .nullable()
          .meta({ description: 'SHA-256 in hex of the certificate (DER) that the peer showed.' }),
      })
      .nullable()
      .meta({ description: 'Null for plain http, and when no handshake ended.' }),
  })
  .meta({
    description: 'Whom the request was sent to, beside `peerAddress`. Null when no connection was made.',
  });
export type AttemptConnection = z.infer<typeof ConnectionSchema>;

/** What one POST came to. Milliseconds and bytes; the excerpt is capped. */
export const AttemptSchema = z.object({
  /** 1 for the first. */
  number: z.int().min(1),
  at: InstantSchema,
  outcome: z.enum(['delivered', 'failed', 'crashed']).meta({
    description:
      '`crashed`: the function failed before it could note what came of the request, which may have arrived or not; `at` is when that was found out, and nothing else of the attempt is known.',
  }),
  /** HTTP status; null when no response came. */
  status: z.int().nullable(),
  /** A stable code: `http_500`, `timeout`, `connection_reset`, `redirect`, … Null when delivered. */
  reason: z
    .string()
    .nullable()
    .meta({ description: 'A stable code such as `http_500`, `timeout`, `redirect`; null when delivered.' }),
  /** To the end of the response, or to the failure. */
  durationMs: z.number(),
  host: z.string().exactOptional().meta({
    description:
      "Whom the request was meant for: host, and port unless it is the protocol's own, of the endpoint's URL at that time. Its path, query and credentials may hold secrets and are not kept. Attempts of before this was recorded, and crashed ones, have none.",
  }),
  peerAddress: z.string().nullable(),
  /** Null in records of before this field existed, too. */
  connection: ConnectionSchema.nullable().default(null),
  times: AttemptTimesSchema.nullable().default(null),
  requestSha256: z.string().nullable().meta({
    description:
      'SHA-256 in hex of the body sent, or to be sent if there was no connection. Headers are not in it: with `message-pointer` it is that of an empty body.',
  }),
  responseSha256: z.string().nullable().meta({
    description:
      'SHA-256 in hex of what was read of the response body: all of it, unless `responseTruncated` is there.',
  }),
  responseExcerpt: z
    .string()
    .max(1024)
    .nullable()
    .meta({ description: 'The start of the response body as text, without your keys and credentials.' }),
  retryAfterSeconds: z.int().min(0).exactOptional().meta({
    description: 'How long the answer asked to stay away, if it did and is heeded (429 and 503).',
  }),
  responseTruncated: z.literal(true).exactOptional().meta({
    description:
      'Only a part of the response body was read: its first 16,384 bytes, or what came before it broke off.',
  }),
});
export type Attempt = z.infer<typeof AttemptSchema>;

/** What an event is found by and filtered by. Its id names the rest: see event-id.ts. */
export const EventSummarySchema = z.object({
  id: z.string().min(1),
  type: z.enum(eventTypes),
  occurredAt: InstantSchema,
  receivedAt: InstantSchema,
  towerId: TowerIdSchema.nullable(),
  locker: LockerNumberSchema.nullable(),
});
export type EventSummary = z.infer<typeof EventSummarySchema>;

export const summaryOf = ({
  id,
  type,
  occurredAt,
  receivedAt,
  towerId,
  locker,
}: DomainEvent): EventSummary => ({
  id,
  type,
  occurredAt,
  receivedAt,
  towerId,
  locker,
});

/** A delivery that was asked for again. It is marked by a header and says nothing about the endpoint's health. */
export const ReplaySchema = z.object({
  /** Null when somebody asked for this one delivery. */
  redriveId: NameSchema.nullable(),
  /** Attempts that were made before: the schedule starts anew after them. */
  attemptsBefore: z.int().min(0),
});
export type Replay = z.infer<typeof ReplaySchema>;

/** Body of a message on a delivery queue: one attempt to make. */
export const DeliveryTaskSchema = z.object({
  v: z.literal(1),
  /**
   * Random, new each time a task is sent. Two tasks for the same attempt come from a crash between sending and
   * acknowledging; the record keeps the first one's id and drops the other's successors.
   */
  taskId: z.string().min(1),
  partnerId: NameSchema,
  endpointId: NameSchema,
  event: DomainEventSchema,
  attempts: z.array(AttemptSchema),
  replay: ReplaySchema.optional(),
  /** Its turn under the endpoint's limits, once it has one. */
  slotAt: InstantSchema.optional(),
  /**
   * When the delivery is due again unless something came of it by then: set by who took it out of the due index to send this
   * task. An attempt that might end later is not begun.
   */
  leasedUntil: InstantSchema.optional(),
  /**
   * Set when it has waited and `timers` sends it: under the endpoint's limits it takes only what nothing else wants, and
   * waits again if that is nothing.
   */
  yields: z.literal(true).optional(),
  /** Its place in its lane, once it has one: such a task belongs on the queue that keeps order. */
  sequence: z.int().min(1).optional(),
});
export type DeliveryTask = z.infer<typeof DeliveryTaskSchema>;

export const DeliveryStatusSchema = z.enum([
  /** Another attempt is coming, or the first one when its endpoint takes deliveries again. */
  'pending',
  'delivered',
  /** Given up; an operator can see and retry it. */
  'dead',
  /** The endpoint was disabled; recovered when it is enabled. */
  'held',
]);

/** One per endpoint and event, written when its first attempt ends. */
export const DeliveryRecordSchema = z.object({
  id: z.string(),
  partnerId: NameSchema,
  endpointId: NameSchema,
  status: DeliveryStatusSchema,
  /** Why it is dead or held, or why it waits: `breaker_open`, `rate_limited`, `behind`. */
  reason: z.string().nullable(),
  /** Who sends again reads the event itself: a record stays below the 1 kB that one write unit pays for. */
  event: EventSummarySchema,
  attempts: z.array(AttemptSchema),
  /** The task whose outcome this record shows. */
  taskId: z.string(),
  /**
   * When the next attempt is due: set when `timers` must send it, null when it is on the queue or over. In a lane also
   * while it is on the queue, a little later: nobody else would miss it.
   */
  dueAt: InstantSchema.nullable().default(null),
  /** `endpoint`: in the endpoint's backlog, which `timers` drains by order of receipt. `time`: until `dueAt`. */
  waitsFor: z.enum(['time', 'endpoint']).default('time'),
  replay: ReplaySchema.nullable().default(null),
  /** Its place in its lane, for an endpoint that asks for order. */
  sequence: z.int().min(1).optional(),
});
export type DeliveryRecord = z.infer<typeof DeliveryRecordSchema>;
