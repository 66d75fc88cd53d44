import * as z from 'zod';
import {
  BookingChangesSchema,
  BookingResourceSchema,
  NewBookingSchema,
} from '../../../schemas/api/booking.ts';
import type { Booking } from '../../../schemas/booking.ts';
import { NameSchema } from '../../../schemas/primitives.ts';
import { addBooking, deleteBooking, editBooking, type BookingOutcome } from '../../domain/booking.ts';
import { listingPart } from '../../shared/entity-item.ts';
import { ownerFor, visibleTo } from '../caller.ts';
import { assertPartner } from '../endpoint-access.ts';
import { defineOperation, nothing, type Caller, type Operation } from '../operation.ts';
import { pageOf, pageQuery, toPageBody, toPageRequest } from '../pagination.ts';
import { assertVersion } from '../preconditions.ts';
import { contended, invalidField, notFound } from '../problem.ts';
import type { Services } from '../services.ts';
import { readTimestamp } from '../timestamp.ts';

const tag = 'Bookings';
const params = z.strictObject({ bookingId: NameSchema });
const example = {
  departmentId: 'escape-rooms-north',
  start: '2026-03-21T10:00:00Z',
  end: '2026-03-21T11:00:00Z',
  numberOfPeople: 4,
  customer: { name: 'Ada Lovelace', email: 'ada@example.com' },
};

const create = defineOperation({
  operationId: 'createBooking',
  method: 'POST',
  path: '/v1/bookings',
  tag,
  summary: 'Add a booking to a department',
  description: 'The active integrations of the department get a message pointer.',
  access: 'any',
  params: nothing,
  query: nothing,
  body: NewBookingSchema,
  response: { status: 201, schema: BookingResourceSchema, description: 'The booking.' },
  creates: true,
  problems: [409],
  examples: { body: example },
  async handle(services, { body, caller }) {
    const { partnerId: wanted, ...details } = body;
    const partnerId = ownerFor(caller, wanted);
    if (caller.kind === 'operator') await assertPartner(services, partnerId);
    const fields = { ...details, ...readSlot(details), partnerId, bookingId: services.newId() };
    const added = accepted(addBooking(fields, services.now()));
    const headers = { location: `/v1/bookings/${fields.bookingId}` };
    const reply = { body: added.booking, version: 1, headers };
    const outcome = await services.commit({ ...added, reply });
    if (outcome.kind !== 'committed') throw contended();
    return reply;
  },
});

const list = defineOperation({
  operationId: 'listBookings',
  method: 'GET',
  path: '/v1/bookings',
  tag,
  summary: 'List the bookings of a department',
  access: 'any',
  params: nothing,
  query: z.strictObject({ ...pageQuery, departmentId: NameSchema, partnerId: NameSchema.optional() }),
  body: null,
  response: { status: 200, schema: pageOf(BookingResourceSchema), description: 'A page, by id.' },
  async handle({ entities }, { query, caller }) {
    const partnerId = ownerFor(caller, query.partnerId, '/query/partnerId');
    const under = listingPart(partnerId, query.departmentId);
    const page = await entities.listByPartner('booking', under, toPageRequest(query, `bookings ${under}`));
    return { body: toPageBody(page, `bookings ${under}`, (booking) => booking) };
  },
});

const read = defineOperation({
  operationId: 'getBooking',
  method: 'GET',
  path: '/v1/bookings/{bookingId}',
  tag,
  summary: 'Read a booking',
  access: 'any',
  params,
  query: nothing,
  body: null,
  response: { status: 200, schema: BookingResourceSchema, description: 'The booking.' },
  async handle(services, { params: { bookingId }, caller }) {
    const booking = await readBooking(services, caller, bookingId);
    return { body: booking, version: booking.version };
  },
});

const update = defineOperation({
  operationId: 'updateBooking',
  method: 'PATCH',
  path: '/v1/bookings/{bookingId}',
  tag,
  summary: 'Edit a booking',
  description: 'An edit that changes nothing sends nothing.',
  access: 'any',
  params,
  query: nothing,
  body: BookingChangesSchema,
  response: { status: 200, schema: BookingResourceSchema, description: 'The booking as it is now.' },
  problems: [409, 412, 428],
  examples: { body: { numberOfPeople: 5 } },
  async handle(services, { params: { bookingId }, body, caller, ifMatch }) {
    const before = await readBooking(services, caller, bookingId);
    assertVersion(ifMatch, before.version);
    const edited = accepted(editBooking(before, { ...body, ...readSlot(body) }, services.now()));
    if (edited.kind === 'unchanged') return { body: before, version: before.version };
    const outcome = await services.commit(edited);
    if (outcome.kind !== 'committed') throw contended();
    return { body: edited.booking, version: before.version + 1 };
  },
});

const remove = defineOperation({
  operationId: 'deleteBooking',
  method: 'DELETE',
  path: '/v1/bookings/{bookingId}',
  tag,
  summary: 'Delete a booking',
  access: 'any',
  params,
  query: nothing,
  body: null,
  response: { status: 204, schema: null, description: 'It is deleted.' },
  problems: [409, 412],
  async handle(services, { params: { bookingId }, caller, ifMatch }) {
    const before = await readBooking(services, caller, bookingId);
    assertVersion(ifMatch, before.version);
    const deleted = accepted(deleteBooking(before, services.now()));
    if ((await services.commit(deleted)).kind !== 'committed') throw contended();
    return { body: null };
  },
});

/** What was deleted is as if it had never been. */
async function readBooking({ entities }: Services, caller: Caller, bookingId: string): Promise<Booking> {
  const ref = { kind: 'booking', bookingId } as const;
  const booking = visibleTo(caller, (await entities.getMany([ref])).get(ref), 'booking');
  if (booking.status === 'deleted') throw notFound('There is no such booking.');
  return booking;
}

function accepted<O extends BookingOutcome>(outcome: O): Exclude<O, { kind: 'refused' }>;
function accepted(outcome: BookingOutcome): Exclude<BookingOutcome, { kind: 'refused' }> {
  if (outcome.kind !== 'refused') return outcome;
  throw outcome.refusal === 'deleted'
    ? notFound('There is no such booking.')
    : invalidField('/body/end', 'must be after the start');
}

const readSlot = ({ start, end }: { start?: string | undefined; end?: string | undefined }) => ({
  ...(start !== undefined && { start: readTimestamp(start, '/body/start') }),
  ...(end !== undefined && { end: readTimestamp(end, '/body/end') }),
});

export const bookingOperations: readonly Operation[] = [create, list, read, update, remove];
