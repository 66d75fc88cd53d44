import type { ReservationStatus } from '../../schemas/entity.ts';
import type { NetworkLockerOpenRequest, NetworkReservation } from '../../schemas/network.ts';
import type { Place } from './network.ts';
import type { TowerReport } from './tower.ts';

/** One thing that happens in the demo network. */
export type Step =
  /** A tower publishes: one message, or what it kept while it was offline. */
  | { kind: 'report'; towerId: string; reports: TowerReport[]; say: string }
  | { kind: 'reserve'; reservation: NetworkReservation }
  | { kind: 'request'; request: NetworkLockerOpenRequest }
  /** Nothing happens here for a while. */
  | { kind: 'wait'; seconds: number };

/** What happens at a locker, step by step. Other stories go on between the steps. */
export type Story = Generator<Step, void>;

type LockerReport = Extract<TowerReport, { locker: number }>;
type WithoutLocker<R> = R extends LockerReport ? Omit<R, 'locker'> : never;

const report = ({ towerId, locker }: Place, fields: WithoutLocker<LockerReport>, say: string): Step => ({
  kind: 'report',
  towerId,
  reports: [{ ...fields, locker }],
  say,
});

/** Chance in the demo: a number from 0 to below 1. */
export type Random = () => number;

const pause = (random: Random): Step => ({ kind: 'wait', seconds: 4 + Math.floor(random() * 12) });

export interface ParcelPlot {
  place: Place;
  reservation: NetworkReservation;
  /** Where the story begins: null before the reservation is made. */
  status: ReservationStatus | null;
  random: Random;
}

/** A parcel comes, sometimes not at the first try, and goes: to its receiver or back with the courier. */
export function* parcelStory({ place, reservation, status, random }: ParcelPlot): Story {
  const { reservationId, barcode } = reservation;
  const parcel = { reservationId, barcode };
  if (status === null) yield { kind: 'reserve', reservation };
  if (status !== 'STOCKED' && status !== 'RETURNING') {
    if (status !== 'INCOMPLETE' && random() < 0.2) {
      const reason = random() < 0.5 ? 'partial' : 'oversize';
      const why = reason === 'partial' ? 'a part of the order is missing' : 'it does not fit';
      yield* visit(
        place,
        { type: 'parcel.incomplete', ...parcel, reason },
        `${reservationId}: ${why}`,
        random,
      );
    }
    yield* visit(place, { type: 'parcel.stocked', ...parcel }, `${reservationId} is in`, random);
    yield pause(random);
  }
  if (status === 'RETURNING' || random() < 0.15)
    yield* visit(place, { type: 'parcel.collected', ...parcel }, `${reservationId} goes back`, random);
  else yield* visit(place, { type: 'parcel.picked_up', ...parcel }, `${reservationId} is picked up`, random);
}

/** `timers` runs every minute. */
const untilTimersRanSeconds = 75;

/** A tower that had no network tells everything at once, when the grace period of the parcel is over already. */
export function* offlineStory(
  plot: ParcelPlot,
  { nowMs, graceHours }: { nowMs: number; graceHours: number },
): Story {
  const { place, reservation } = plot;
  const { towerId, locker } = place;
  const { reservationId, barcode } = reservation;
  const at = (seconds: number) =>
    new Date(nowMs - graceHours * 3_600_000 - 60_000 + seconds * 1_000).toISOString();
  yield { kind: 'reserve', reservation };
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
  yield* parcelStory({ ...plot, status: 'RETURNING' });
}

/** A reservation that nobody comes for: it expires by itself. */
export function* expiryStory(reservation: NetworkReservation, lifeSeconds: number): Story {
  yield { kind: 'reserve', reservation };
  yield { kind: 'wait', seconds: lifeSeconds + untilTimersRanSeconds };
}

/** Someone drops something off through a link, and someone else fetches it. */
export function* lockerOpenStory(
  place: Place,
  requests: readonly NetworkLockerOpenRequest[],
  random: Random,
): Story {
  for (const request of requests) {
    const { tokens, ...withoutTokens } = request;
    // The link is sent first; its token comes into being when someone uses it.
    yield { kind: 'request', request: { ...withoutTokens, tokens: [] } };
    yield pause(random);
    yield { kind: 'request', request };
    for (const { tokenId, clientInfo } of tokens)
      yield* visit(
        place,
        { type: 'token.used', tokenId },
        `${clientInfo ?? 'someone'}: ${request.flow}`,
        random,
      );
  }
}

/** Somebody breaks a locker open. */
export function* forcedStory(place: Place): Story {
  yield report(place, { type: 'locker.forced' }, 'the door was forced');
  yield report(place, { type: 'locker.closed' }, 'the door is shut again');
}

function* visit(place: Place, fact: WithoutLocker<LockerReport>, say: string, random: Random): Story {
  yield report(place, { type: 'locker.opened' }, 'the door opens');
  yield report(place, fact, say);
  if (random() < 0.07) yield report(place, { type: 'locker.left_open' }, 'nobody shuts the door');
  yield report(place, { type: 'locker.closed' }, 'the door shuts');
}
