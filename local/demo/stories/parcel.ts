import type * as z from 'zod';
import { ReservationViewSchema } from '../../../schemas/api/reservation.ts';
import type { ReservationStatus } from '../../../schemas/entity.ts';
import { instantFromMs } from '../../../schemas/instant.ts';
import type { ApiAnswer } from '../api-client.ts';
import { eventName } from '../event-name.ts';
import type { DemoPartner, Place } from '../network.ts';
import {
  ask,
  nothingTold,
  pause,
  report,
  type LockerFact,
  type Random,
  type Story,
  type Told,
} from './step.ts';

type Partner = Pick<DemoPartner, 'partnerId' | 'clientId'>;

export interface ParcelPlot {
  partner: Partner;
  place: Place;
  barcode: string;
  /** Epoch milliseconds. */
  now: () => number;
  random: Random;
}

const ReservationSchema = ReservationViewSchema.pick({ reservationId: true, status: true });
type Reservation = z.infer<typeof ReservationSchema>;

const days = 86_400;

/** A parcel comes, sometimes not at the first try, and goes: to its receiver or back with the courier. */
export function* parcelStory(plot: ParcelPlot): Story {
  const reservation = yield* reserve(plot, 2 * days);
  yield pause(plot.random);
  if (plot.random() < 0.12) yield* cancel(plot, reservation);
  else yield* parcelFrom(plot, reservation);
}

/** What an earlier run left. */
export function* continuedParcelStory(plot: ParcelPlot, reservationId: string): Story {
  const answer = yield* ask({
    clientId: plot.partner.clientId,
    request: { method: 'GET', path: `/v1/reservations/${reservationId}` },
    tell: nothingTold,
  });
  yield* parcelFrom(plot, ReservationSchema.parse(answer.body));
}

function* parcelFrom(plot: ParcelPlot, { reservationId, status }: Reservation): Story {
  const { place, barcode, random } = plot;
  const parcel = { reservationId, barcode };
  if (isOver(status)) return;
  if (status !== 'STOCKED' && status !== 'RETURNING') {
    if (status !== 'INCOMPLETE' && random() < 0.2) {
      const reason = random() < 0.5 ? 'partial' : 'oversize';
      const why = reason === 'partial' ? 'a part of the order is missing' : 'it does not fit';
      yield* visit(plot, { type: 'parcel.incomplete', ...parcel, reason }, `${reservationId}: ${why}`);
    }
    yield* visit(plot, { type: 'parcel.stocked', ...parcel }, `${reservationId} is in`);
    yield pause(random);
  }
  const fact =
    status === 'RETURNING' || random() < 0.15 ? ('parcel.collected' as const) : ('parcel.picked_up' as const);
  const say = fact === 'parcel.collected' ? 'goes back' : 'is picked up';
  yield* visit({ place, random }, { type: fact, ...parcel }, `${reservationId} ${say}`);
}

const isOver = (status: ReservationStatus): boolean =>
  status === 'PICKED_UP' || status === 'RETURNED' || status === 'EXPIRED' || status === 'CANCELED';

/** `timers` runs every minute. */
export const untilTimersRanSeconds = 75;

/** A tower that had no network tells everything at once, when the grace period of the parcel is over already. */
export function* offlineStory(plot: ParcelPlot, graceHours: number): Story {
  const { towerId, locker } = plot.place;
  const { barcode, now } = plot;
  const { reservationId } = yield* reserve(plot, 2 * days);
  const startMs = now() - graceHours * 3_600_000 - 60_000;
  const at = (seconds: number) => instantFromMs(startMs + seconds * 1_000);
  yield {
    kind: 'report',
    towerId,
    reports: [
      { type: 'locker.opened', locker, at: at(0) },
      { type: 'parcel.stocked', locker, reservationId, barcode, at: at(9) },
      { type: 'locker.closed', locker, at: at(12) },
    ],
    say: 'long ago: the tower was offline, and sends its buffer now',
  };
  yield { kind: 'wait', seconds: untilTimersRanSeconds };
  yield* parcelFrom(plot, { reservationId, status: 'RETURNING' });
}

const shortLifeSeconds = 45;

/** A reservation that nobody comes for: it expires by itself. */
export function* expiryStory(plot: ParcelPlot): Story {
  yield* reserve(plot, shortLifeSeconds);
  yield { kind: 'wait', seconds: shortLifeSeconds + untilTimersRanSeconds };
}

/** Somebody breaks a locker open. */
export function* forcedStory(place: Place): Story {
  yield report(place, { type: 'locker.forced' }, 'the door was forced');
  yield report(place, { type: 'locker.closed' }, 'the door is shut again');
}

function* reserve({ partner, place, barcode, now }: ParcelPlot, lifeSeconds: number): Story<Reservation> {
  const { clientId, partnerId } = partner;
  const body = {
    ...place,
    flowType: 'OUTLET',
    barcode,
    docNumber: `DOC-${barcode.slice(-5)}`,
    expirationDate: instantFromMs(now() + lifeSeconds * 1_000),
  };
  const answer = yield* ask({
    clientId,
    request: { method: 'POST', path: '/v1/reservations', body },
    tell: ({ body: created }) => reservedEvents(place, ReservationSchema.parse(created), partnerId),
    open: ({ body: created }) => {
      const { reservationId } = ReservationSchema.parse(created);
      return { kind: 'parcel', partnerId, place, reservationId, barcode };
    },
  });
  return ReservationSchema.parse(answer.body);
}

/** Made and reserved in one commit. */
function reservedEvents(place: Place, { reservationId: id }: Reservation, partnerId: string): Told[] {
  const source = { entity: 'reservation', id, version: 1 } as const;
  const at = { where: place.towerId, locker: place.locker };
  const detail = `${partnerId} asks for ${id} over HTTP`;
  return [
    { ...at, name: eventName(place, source), what: 'reservation.created', detail },
    { ...at, name: eventName(place, { ...source, step: 2 }), what: 'reservation.reserved', detail },
  ];
}

function* cancel({ partner, place }: ParcelPlot, { reservationId: id }: Reservation): Story {
  const tell = ({ version }: ApiAnswer): Told[] => [
    {
      name: eventName(place, { entity: 'reservation', id, version: version ?? 0 }),
      where: place.towerId,
      locker: place.locker,
      what: 'reservation.canceled',
      detail: `${partner.partnerId} cancels ${id} over HTTP`,
    },
  ];
  yield* ask({
    clientId: partner.clientId,
    request: { method: 'POST', path: `/v1/reservations/${id}/cancel` },
    tell,
  });
}

function* visit(
  { place, random }: Pick<ParcelPlot, 'place' | 'random'>,
  fact: LockerFact,
  say: string,
): Story {
  yield report(place, { type: 'locker.opened' }, 'the door opens');
  yield report(place, fact, say);
  if (random() < 0.07) yield report(place, { type: 'locker.left_open' }, 'nobody shuts the door');
  yield report(place, { type: 'locker.closed' }, 'the door shuts');
}
