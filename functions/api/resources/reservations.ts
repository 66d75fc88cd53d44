import * as z from 'zod';
import type { Locker } from '../../../schemas/entity.ts';
import { NameSchema, type Instant } from '../../../schemas/primitives.ts';
import {
  ReservationBodySchema,
  ReservationViewSchema,
  type ReservationBody,
  type ReservationView,
} from '../../../schemas/api/reservation.ts';
import { reserveLocker } from '../../domain/reservation-commands.ts';
import { ownerFor } from '../caller.ts';
import { defineOperation, nothing, type Operation, type Reply } from '../operation.ts';
import { pageOf, pageQuery, toPageBody, toPageRequest } from '../pagination.ts';
import { contended } from '../problem.ts';
import type { Services } from '../services.ts';
import { reservationChangeOperations } from './reservation-changes.ts';
import { checkExpiration, readContext, replyOf, showReservation } from './reservation-view.ts';
import { readTower, seesTower } from './tower-access.ts';
import { availableLocker } from './tower-lockers.ts';

const tag = 'Reservations';
const params = z.strictObject({ reservationId: NameSchema });
const maxAttempts = 8;

const create = defineOperation({
  operationId: 'createReservation',
  method: 'POST',
  path: '/v1/reservations',
  tag,
  summary: 'Reserve a locker',
  description:
    'The answer is the only notice of it: no webhook tells of a reservation that was created, updated or canceled ' +
    'over HTTP. Refused with 409: `no_locker_available`, `locker_not_available`.',
  access: 'any',
  params: nothing,
  query: nothing,
  body: ReservationBodySchema,
  creates: true,
  problems: [409],
  response: {
    status: 201,
    schema: ReservationViewSchema,
    description: 'The reservation. It blocks its locker.',
  },
  examples: {
    body: {
      towerId: '0000000000000001',
      flowType: 'OUTLET',
      barcode: '1234567890123',
      docNumber: 'DOC-10001',
    },
  },
  async handle(services, { body, caller }) {
    const partnerId = ownerFor(caller, body.partnerId);
    seesTower({ kind: 'partner', partnerId }, await readTower(services, body.towerId));
    const expirationDate = checkExpiration(body.expirationDate, services.now()) ?? undefined;
    for (let attempt = 1; attempt <= maxAttempts; attempt += 1) {
      const locker = await availableLocker(services, body.towerId, body.locker);
      const reply = await commitReservation(services, { ...body, partnerId, expirationDate }, locker);
      if (reply !== null) return reply;
    }
    throw contended();
  },
});

type Wanted = Omit<ReservationBody, 'partnerId'> & {
  partnerId: string;
  expirationDate: Instant | undefined;
};

/** Null when somebody else was ahead. */
async function commitReservation(
  services: Services,
  { partnerId, flowType, barcode, docNumber, expirationDate }: Wanted,
  locker: Locker,
): Promise<Reply<ReservationView> | null> {
  const fields = {
    reservationId: newReservationId(services),
    partnerId,
    towerId: locker.towerId,
    locker: locker.locker,
    unitId: locker.unitId,
    flowType,
    barcode,
    ...(docNumber !== undefined && { docNumber }),
    ...(expirationDate !== undefined && { expirationDate }),
  };
  const { policy } = services;
  const { reservation, ...decision } = reserveLocker(fields, { locker, now: services.now(), policy });
  const reply = {
    ...replyOf({ ...reservation, version: 1 }),
    headers: { location: `/v1/reservations/${reservation.reservationId}` },
  };
  const outcome = await services.commit({ ...decision, reply });
  return outcome.kind === 'committed' ? reply : null;
}

/** Without vowels, so that no id spells a word. 12 of 31 letters have 59 bits; should two be alike, the commit refuses the second. */
const letters = '0123456789BCDFGHJKLMNPQRSTVWXYZ';
const newReservationId = ({ randomBytes }: Services): string =>
  `RES-${[...randomBytes(12)].map((byte) => letters[byte % letters.length]).join('')}`;

const read = defineOperation({
  operationId: 'getReservation',
  method: 'GET',
  path: '/v1/reservations/{reservationId}',
  tag,
  summary: 'Read a reservation',
  access: 'any',
  params,
  query: nothing,
  body: null,
  response: { status: 200, schema: ReservationViewSchema, description: 'The reservation.' },
  async handle(services, { params, caller }) {
    return replyOf((await readContext(services, caller, params.reservationId)).reservation);
  },
});

const list = defineOperation({
  operationId: 'listReservations',
  method: 'GET',
  path: '/v1/reservations',
  tag,
  summary: 'List reservations',
  access: 'any',
  params: nothing,
  query: z.strictObject({ ...pageQuery, partnerId: NameSchema.optional() }),
  body: null,
  response: { status: 200, schema: pageOf(ReservationViewSchema), description: 'A page of reservations.' },
  async handle(services, { query, caller }) {
    const partnerId = ownerFor(caller, query.partnerId, '/query/partnerId');
    const name = `reservation#${partnerId}`;
    const page = await services.entities.listByPartner('reservation', partnerId, toPageRequest(query, name));
    return { body: toPageBody(page, name, showReservation) };
  },
});

export const reservationOperations: Operation[] = [create, list, read, ...reservationChangeOperations];
