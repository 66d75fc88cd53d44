import type { Reservation } from '../../schemas/entity.ts';
import { instantFromMs } from '../../schemas/instant.ts';
import type { NetworkReservation } from '../../schemas/network.ts';
import type { Ids } from './ids.ts';
import { courier, demoTowerIds, doorlink, marketplace, type DemoPartner, type Place } from './network.ts';
import {
  expiryStory,
  forcedStory,
  lockerOpenStory,
  offlineStory,
  parcelStory,
  type Random,
  type Step,
  type Story,
} from './story.ts';

export interface CastingOptions {
  ids: Ids;
  random: Random;
  /** Epoch milliseconds. */
  now: () => number;
  /** What an earlier run left open: their stories go on. */
  open: readonly Reservation[];
  graceHours: number;
}

interface Running {
  place: Place;
  story: Story;
  /** Until when nothing happens here. */
  waitsUntilMs: number;
}

type Plot = (options: CastingOptions, place: Place) => Story;

/** A step that is not just waiting. */
export type Deed = Exclude<Step, { kind: 'wait' }>;

/** How many stories go on at the same time. */
const stage = 6;
const expiresAfterSeconds = 45;
const people = ['Ana', 'Luis', 'Mia', 'Noah', 'Ines', 'Omar'] as const;

const placeKey = ({ towerId, locker }: Place): string => `${towerId}/${locker}`;

/** Whose lockers a story needs, and what happens there. */
const plots = {
  courierParcel: { partner: courier, plot: newParcel(courier) },
  marketParcel: { partner: marketplace, plot: newParcel(marketplace) },
  link: { partner: doorlink, plot: newLink },
  offline: {
    partner: courier,
    plot: (options: CastingOptions, place: Place) =>
      offlineStory(
        { ...parcelPlot(options, courier, place), status: null },
        {
          nowMs: options.now(),
          graceHours: options.graceHours,
        },
      ),
  },
  expiry: {
    partner: courier,
    plot: (options: CastingOptions, place: Place) =>
      expiryStory(newReservation(options, courier, place, expiresAfterSeconds), expiresAfterSeconds),
  },
  forced: { partner: marketplace, plot: (_: CastingOptions, place: Place) => forcedStory(place) },
} satisfies Record<string, { partner: DemoPartner; plot: Plot }>;

/** So that everything is seen within a minute or two. */
const opening = ['courierParcel', 'link', 'marketParcel', 'offline', 'expiry', 'forced'] as const;
const repertoire = [
  ...([
    'courierParcel',
    'courierParcel',
    'courierParcel',
    'marketParcel',
    'marketParcel',
    'marketParcel',
  ] as const),
  ...(['link', 'link', 'link', 'offline', 'expiry', 'forced'] as const),
];

/** Chooses what happens next in the demo network. Never two stories at one locker. */
export function createCasting(options: CastingOptions): () => Deed | null {
  const running: Running[] = options.open.map((reservation) => ({
    place: { towerId: reservation.towerId, locker: reservation.locker },
    story: continued(options, reservation),
    waitsUntilMs: 0,
  }));
  const programme = opening.values();
  const pick = <T>(choices: readonly T[]): T | undefined =>
    choices[Math.floor(options.random() * choices.length)];

  const start = (): void => {
    const name = programme.next().value ?? pick(repertoire);
    if (name === undefined) return;
    const { partner, plot } = plots[name];
    const taken = new Set(running.map(({ place }) => placeKey(place)));
    const free = demoTowerIds
      .flatMap((towerId) => partner.lockers.map((locker) => ({ towerId, locker })))
      .filter((place) => !taken.has(placeKey(place)));
    const place = pick(free);
    if (place !== undefined) running.push({ place, story: plot(options, place), waitsUntilMs: 0 });
  };

  return () => {
    // An ended story frees its place and another begins; a few turns suffice, whatever chance says.
    for (let turn = 0; turn < 20; turn += 1) {
      const awake = () => running.filter(({ waitsUntilMs }) => waitsUntilMs <= options.now());
      if (awake().length < stage) start();
      const current = pick(awake());
      if (current === undefined) continue;
      const { value, done } = current.story.next();
      if (done === true) running.splice(running.indexOf(current), 1);
      else if (value.kind === 'wait') current.waitsUntilMs = options.now() + value.seconds * 1_000;
      else return value;
    }
    return null;
  };
}

function newReservation(
  { ids, now }: CastingOptions,
  { partnerId }: DemoPartner,
  { towerId, locker }: Place,
  lifeSeconds = 2 * 86_400,
): NetworkReservation {
  const reservationId = ids.reservation();
  return {
    reservationId,
    partnerId,
    towerId,
    locker,
    flowType: 'OUTLET',
    barcode: String(ids.numeric()).padStart(13, '4'),
    docNumber: `DOC-${reservationId.slice(-5)}`,
    expirationDate: instantFromMs(now() + lifeSeconds * 1_000),
    status: 'RESERVED',
  };
}

const parcelPlot = (options: CastingOptions, partner: DemoPartner, place: Place) => ({
  place,
  reservation: newReservation(options, partner, place),
  status: null,
  random: options.random,
});

function newParcel(partner: DemoPartner): Plot {
  return (options, place) => parcelStory(parcelPlot(options, partner, place));
}

function newLink({ ids, random }: CastingOptions, place: Place): Story {
  const request = (flow: 'dropoff' | 'pickup', person: number) => ({
    requestId: ids.numeric(),
    partnerId: doorlink.partnerId,
    ...place,
    flow,
    payload: { order: ids.reservation().slice(4) },
    tokens: [{ tokenId: ids.numeric(), clientInfo: people[person % people.length] ?? null }],
  });
  const first = Math.floor(random() * people.length);
  return lockerOpenStory(place, [request('dropoff', first), request('pickup', first + 1)], random);
}

function continued({ random }: CastingOptions, reservation: Reservation): Story {
  const { towerId, locker, status } = reservation;
  const { reservationId, partnerId, flowType, barcode } = reservation;
  return parcelStory({
    place: { towerId, locker },
    reservation: { reservationId, partnerId, towerId, locker, flowType, barcode, status: 'RESERVED' },
    status,
    random,
  });
}
