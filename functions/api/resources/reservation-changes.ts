import * as z from 'zod';
import type { Reservation } from '../../../schemas/entity.ts';
import { NameSchema } from '../../../schemas/primitives.ts';
import {
  ReservationPatchSchema,
  ReservationViewSchema,
  type ReservationView,
} from '../../../schemas/api/reservation.ts';
import {
  moveReservation,
  updateReservation,
  withDetails,
  type CommandOutcome,
  type ReservationContext,
  type ReservationDetails,
} from '../../domain/reservation-commands.ts';
import { defineOperation, nothing, type Caller, type Operation, type Reply } from '../operation.ts';
import { assertVersion } from '../preconditions.ts';
import { contended, Problem } from '../problem.ts';
import type { Services } from '../services.ts';
import { checkExpiration, readContext, replyOf } from './reservation-view.ts';

const tag = 'Reservations';
const params = z.strictObject({ reservationId: NameSchema });
const maxAttempts = 8;

const update = defineOperation({
  operationId: 'updateReservation',
  method: 'PATCH',
  path: '/v1/reservations/{reservationId}',
  tag,
  summary: 'Change a reservation',
  description:
    'Details, or a status that your own staff brought about, or both. The answer is authoritative: no webhook tells a ' +
    'partner of what it did itself. A status that an operator sets is told. Refused with 409 `transition_not_allowed`.',
  access: 'any',
  params,
  query: nothing,
  body: ReservationPatchSchema,
  problems: [409, 412, 428],
  response: { status: 200, schema: ReservationViewSchema, description: 'The changed reservation.' },
  async handle(services, { params, caller, body, ifMatch }) {
    const { status, expirationDate, ...rest } = body;
    const details = { ...rest, expirationDate: checkExpiration(expirationDate, services.now()) };
    return change(services, { caller, reservationId: params.reservationId, ifMatch }, (context) =>
      status === undefined || status === context.reservation.status
        ? updateReservation(context, details, causeOf(caller))
        : moveReservation(changed(context, details), status, causeOf(caller)),
    );
  },
});

/** A partner is never sent what it did itself, and always what somebody else did. */
const causeOf = ({ kind }: Caller) => (kind === 'operator' ? 'operator' : 'api');

const changed = (context: ReservationContext, details: ReservationDetails): ReservationContext => ({
  ...context,
  reservation: withDetails(context.reservation, details, context.policy),
});

const cancel = defineOperation({
  operationId: 'cancelReservation',
  method: 'POST',
  path: '/v1/reservations/{reservationId}/cancel',
  tag,
  summary: 'Cancel a reservation',
  description:
    'It becomes CANCELED and its locker free, or RETURNING if the parcel is inside: a courier must fetch it first. To ' +
    'cancel again changes nothing. No webhook tells a partner of its own cancellation; of an operator’s, one tells ' +
    'RETURNING. Refused with 409 `transition_not_allowed`.',
  access: 'any',
  params,
  query: nothing,
  body: null,
  problems: [409, 412],
  response: { status: 200, schema: ReservationViewSchema, description: 'The canceled reservation.' },
  handle: async (services, { params, caller, ifMatch }) =>
    change(services, { caller, reservationId: params.reservationId, ifMatch }, (context) => {
      const { status } = context.reservation;
      return status === 'CANCELED' || status === 'RETURNING'
        ? unchanged
        : moveReservation(context, 'CANCELED', causeOf(caller));
    }),
});

const returned = defineOperation({
  operationId: 'returnReservation',
  method: 'POST',
  path: '/v1/reservations/{reservationId}/returned',
  tag,
  summary: 'Report that the parcel is back at the depot',
  description:
    'The reservation becomes RETURNED, if the courier’s collection at the tower has not made it so. Reported by an operator it is ' +
    'what the courier did, and its partner gets the webhook; a partner that reports it gets none. Refused with 409 ' +
    '`transition_not_allowed`.',
  access: 'any',
  params,
  query: nothing,
  body: null,
  problems: [409, 412],
  response: { status: 200, schema: ReservationViewSchema, description: 'The returned reservation.' },
  handle: async (services, { params, caller, ifMatch }) =>
    change(services, { caller, reservationId: params.reservationId, ifMatch }, (context) =>
      context.reservation.status === 'RETURNED'
        ? unchanged
        : moveReservation(context, 'RETURNED', caller.kind === 'operator' ? 'courier' : 'api'),
    ),
});

const unchanged: CommandOutcome = { kind: 'decided', changes: [], events: [] };

interface Target {
  caller: Caller;
  reservationId: string;
  ifMatch: number | null;
}

/** Loads, decides and commits, again when somebody else was ahead: unless If-Match names what is no longer there. */
async function change(
  services: Services,
  { caller, reservationId, ifMatch }: Target,
  decide: (context: ReservationContext) => CommandOutcome,
): Promise<Reply<ReservationView>> {
  for (let attempt = 1; attempt <= maxAttempts; attempt += 1) {
    const context = await readContext(services, caller, reservationId);
    const { reservation } = context;
    assertVersion(ifMatch, reservation.version);
    const outcome = decide(context);
    if (outcome.kind !== 'decided') throw notAllowed(reservation);
    const after = outcome.changes.find((entity) => entity.kind === 'reservation');
    if (after === undefined) return replyOf(reservation);
    const { changes, events } = outcome;
    const committed = await services.commit({ changes, events });
    if (committed.kind === 'committed') return replyOf({ ...after, version: after.version + 1 });
  }
  throw contended();
}

const notAllowed = ({ status }: Reservation): Problem =>
  new Problem(409, 'transition_not_allowed', `A reservation that is ${status} does not allow this.`);

export const reservationChangeOperations: Operation[] = [update, cancel, returned];
