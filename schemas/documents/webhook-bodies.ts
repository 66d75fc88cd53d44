import * as z from 'zod';
import { AccessEventSchema } from '../access-event.ts';
import type { ContractName } from '../contract.ts';
import { LockerStatusSchema } from '../entity.ts';
import { DomainEventSchema } from '../event.ts';
import { PositionDetailsSchema } from '../position.ts';
import { InstantSchema, LockerNumberSchema, NumericIdSchema, TowerIdSchema } from '../primitives.ts';

/** `2025-04-01T13:02:37`: the operator's wall clock, without offset. */
const localTime = z.string().regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$/);
/** `2025-04-01T16:02:36.884285+00:00` */
const pythonTime = z.string().regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?\+00:00$/);
const milliseconds = z.iso.datetime({ precision: 3 });
const wholeSeconds = z.iso.datetime({ precision: 0 });

const lockerOpen = z.object({
  timestamp: localTime.describe('When it was sent on: the operator’s local time, without offset'),
  event: z.enum(['LOCKER_ASSIGNED', 'LOCKER_OPERATION']),
  data: z.object({
    timestamp: pythonTime.describe('When it happened: UTC'),
    locker_id: LockerNumberSchema,
    locker_status: LockerStatusSchema,
    tower_id: TowerIdSchema,
    source: z.enum(['LOCKER_OPEN_LINK_CREATED', 'LOCKER_TOKEN_CREATED', 'LOCKER_TOKEN_USED']),
    reservation_id: z.null(),
    open_locker_token_id: NumericIdSchema.nullable(),
    keypad_code: z.null(),
    client_info: z.string().nullable().describe('The name that the end user gave'),
    locker_open_request_id: NumericIdSchema.nullable(),
    locker_open_request_payload: z.unknown().describe('What the request was created with'),
  }),
});

const reservationStatus = z.object({
  reservationId: z.string(),
  unitId: z.string(),
  status: z.enum(['EXPIRED', 'INCOMPLETE', 'STOCKED', 'RETURNING', 'RETURNED', 'PICKED_UP']),
  changeTime: milliseconds,
  flowType: z.string(),
  barcode: z.string(),
  docNumber: z.string().optional(),
  expirationDate: milliseconds.optional(),
});

const details = PositionDetailsSchema.shape;
const slot = z.object({ start: wholeSeconds, end: wholeSeconds });
const queuePosition = z.object({
  message: z.null().optional(),
  data: z.object({
    position: PositionDetailsSchema.omit({ organization: true }).extend({
      id: z.string(),
      booking: slot.optional(),
      bookingReminderAt: wholeSeconds.optional(),
      leaveReminderAt: details.leaveReminderAt.optional(),
      leaveAt: details.leaveAt.optional(),
      QRCodeCheckInPositionId: z.string().describe('What the kiosk’s scanner reads'),
    }),
  }),
  type: z.enum([
    'positionCreated',
    'bookingConfirmation',
    'bookingActivated',
    'bookingRemoved',
    'positionRetry',
    'positionCalled',
    'positionFulfilled',
    'positionCompleted',
    'positionCancelled',
    'positionCancelledByStaff',
    'feedbackReceived',
  ]),
  organization: z.string(),
});

type EventOption = (typeof DomainEventSchema.options)[number];

/** What an event says to partners: all but who else hears of it. A foreign payload goes out as the JSON it came as. */
function fullData(option: EventOption): z.ZodObject {
  const { data } = option.shape;
  const { shape: base } = option.omit({ type: true, partnerIds: true, data: true, test: true });
  const shape: z.core.$ZodShape = { ...base, ...data.shape };
  return z.object('requestPayload' in shape ? { ...shape, requestPayload: z.unknown() } : shape);
}

const standard = z.union(
  DomainEventSchema.options.map((option) =>
    z.object({ type: option.shape.type, timestamp: InstantSchema, data: fullData(option) }),
  ),
);

const cloudEvents = z.union(
  DomainEventSchema.options.map((option) =>
    z.object({
      specversion: z.literal('1.0'),
      id: z.string(),
      source: z.string(),
      type: z.string(),
      subject: z.string().optional(),
      time: InstantSchema,
      datacontenttype: z.literal('application/json'),
      data: fullData(option),
    }),
  ),
);

export interface WebhookDescription {
  summary: string;
  description: string;
  /** Null: the body is empty. */
  body: z.ZodType | null;
  contentType: string;
  /** Headers of its own, by name. */
  headers: Readonly<Record<string, z.ZodType>>;
}

const json = { contentType: 'application/json', headers: {} };

/** What each contract sends. A test renders a sample of every event and holds it against this. */
export const webhookDescriptions: Readonly<Record<ContractName, WebhookDescription>> = {
  standard: {
    ...json,
    summary: 'Any event, as Standard Webhooks recommends',
    description: 'A `thin` endpoint gets ids and times in `data` only.',
    body: standard,
  },
  'locker-open': {
    ...json,
    summary: 'Locker open requests',
    description: 'Fields that a source does not carry are null.',
    body: lockerOpen,
  },
  'reservation-status': {
    ...json,
    summary: 'Status changes of reservations',
    description:
      'Never NEW, RESERVED or CANCELED, nor what the partner did itself over HTTP. Fields without a value are absent.',
    body: reservationStatus,
  },
  'message-pointer': {
    summary: 'A booking was added, edited or deleted',
    description:
      'The body is empty. Read `GET /message/{messageId}`, then mark it as read with `POST /message/{messageId}`: until ' +
      'then the notification repeats for 24 hours at growing intervals, whatever it was answered.',
    body: null,
    contentType: 'application/json',
    headers: {
      'User-Agent': z.literal('LockMe/1.0'),
      'X-MessageId': z.string().describe('The message to read'),
    },
  },
  'queue-position': {
    ...json,
    summary: 'A place in a queue changed',
    description: '`feedbackReceived` has no `message`; everything else has a null one.',
    body: queuePosition,
  },
  'access-event': {
    ...json,
    summary: 'A key that an integrator created was used at a lock',
    description:
      'An event of a lock that was offline comes late, with the time of its own in `created`. Credentials in the ' +
      'endpoint’s URL are sent as a Basic Authorization header.',
    body: AccessEventSchema,
  },
  cloudevents: {
    ...json,
    summary: 'Any event, as CNCF CloudEvents 1.0',
    description: 'Structured mode.',
    body: cloudEvents,
    contentType: 'application/cloudevents+json',
  },
};
