import * as z from 'zod';
import { expiresAfter } from '../../shared/expiry.ts';
import { MessageResourceSchema } from '../../../schemas/api/booking.ts';
import { latestApiVersion } from '../../../schemas/booking.ts';
import type { BookingData, DomainEvent } from '../../../schemas/event.ts';
import { mayKnow } from '../caller.ts';
import { defineOperation, nothing, type Caller, type Operation } from '../operation.ts';
import { notFound } from '../problem.ts';
import type { Services } from '../services.ts';

const tag = 'Messages';
const params = z.strictObject({ messageId: z.string().min(1).max(256) });

type BookingEvent = Extract<DomainEvent, { data: BookingData }>;

const actions = {
  'booking.added': 'add',
  'booking.edited': 'edit',
  'booking.deleted': 'delete',
} as const satisfies Record<BookingEvent['type'], string>;

const read = defineOperation({
  operationId: 'getMessage',
  method: 'GET',
  path: '/message/{messageId}',
  tag,
  summary: 'Read the details of a message',
  description: 'By the id in the X-MessageId header of the notification. Reading marks nothing as read.',
  access: 'any',
  params,
  query: nothing,
  body: null,
  response: { status: 200, schema: MessageResourceSchema, description: 'The details.' },
  async handle(services, { params: { messageId }, caller }) {
    const { event } = await readMessage(services, caller, messageId);
    const ref = { kind: 'message', messageId } as const;
    const marked = (await services.entities.getMany([ref])).get(ref);
    const body = {
      messageId,
      apiVersion: latestApiVersion,
      action: actions[event.type],
      createdAt: event.occurredAt,
      readAt: marked?.readAt ?? null,
      booking: event.data,
    };
    return { body };
  },
});

const markAsRead = defineOperation({
  operationId: 'markMessageAsRead',
  method: 'POST',
  path: '/message/{messageId}',
  tag,
  summary: 'Mark a message as read',
  description:
    'Its notification is not repeated any more, to none of your integrations, unless you ask for it again. To mark it again ' +
    'changes nothing. ' +
    'The body is empty, or `{}`.',
  access: 'partner',
  params,
  query: nothing,
  body: null,
  toleratesEmptyObject: true,
  response: { status: 204, schema: null, description: 'It is marked as read.' },
  async handle(services, { params: { messageId }, caller }) {
    const { partnerId } = await readMessage(services, caller, messageId);
    const readAt = services.now();
    const expiresAt = expiresAfter(readAt, services.config.retentionDays);
    // When it is there already, the first time stands.
    await services.entities.putNew({ kind: 'message', messageId, partnerId, readAt, expiresAt, version: 0 });
    return { body: null };
  },
});

/** Throws 404 for what is no booking's event, and for those of other partners. */
async function readMessage(
  { events }: Services,
  caller: Caller,
  messageId: string,
): Promise<{ event: BookingEvent; partnerId: string }> {
  const event = await events.get(messageId);
  const partnerId = event?.partnerIds.find((id) => mayKnow(caller, id));
  if (event === null || partnerId === undefined || !isBookingEvent(event))
    throw notFound('There is no such message.');
  return { event, partnerId };
}

const isBookingEvent = (event: DomainEvent): event is BookingEvent => event.type in actions;

export const messageOperations: readonly Operation[] = [read, markAsRead];
