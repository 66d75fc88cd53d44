import {
  courier,
  demoLocks,
  demoTowerIds,
  doorlink,
  escapehub,
  gatekeeper,
  guestPlace,
  marketplace,
  queueup,
  skyline,
  type DemoPartner,
  type Place,
} from './network.ts';
import type { OpenCase } from './notebook.ts';
import { accessStory, offlineAccessStory } from './stories/access.ts';
import { bookingStory } from './stories/booking.ts';
import { guestStory } from './stories/guest.ts';
import { continuedLinkStory, linkStory } from './stories/link.ts';
import {
  continuedParcelStory,
  expiryStory,
  forcedStory,
  offlineStory,
  parcelStory,
} from './stories/parcel.ts';
import { appointmentStory, ticketStory, walkInStory } from './stories/position.ts';
import type { Random, Story } from './stories/step.ts';

/** What stories depend on. */
export interface Circumstances {
  random: Random;
  /** Epoch milliseconds. */
  now: () => number;
  graceHours: number;
}

/** A story at a locker, which it has to itself: one of these. */
interface AtLocker {
  places: readonly Place[];
  begin: (circumstances: Circumstances, place: Place) => Story;
}

/** A story that needs a tower at most. */
interface Elsewhere {
  places: null;
  begin: (circumstances: Circumstances, towerId: string) => Story;
}

const at = (places: readonly Place[], begin: AtLocker['begin']): AtLocker => ({ places, begin });
const elsewhere = (begin: Elsewhere['begin']): Elsewhere => ({ places: null, begin });

const placesOf = (partner: DemoPartner): Place[] =>
  demoTowerIds.flatMap((towerId) => partner.lockers.map((locker) => ({ towerId, locker })));

const parcelPlot = (partner: DemoPartner, { now, random }: Circumstances, place: Place) => ({
  partner,
  place,
  // Thirteen digits, as EAN-13 has.
  barcode: String(now()),
  now,
  random,
});

const parcel = (partner: DemoPartner, story: typeof parcelStory = parcelStory) =>
  at(placesOf(partner), (circumstances, place) => story(parcelPlot(partner, circumstances, place)));

const link = (partner: DemoPartner) =>
  at(
    placesOf(partner).filter((place) => !isGuestPlace(place)),
    ({ random }, place) => linkStory({ partner, place, random }),
  );

const isGuestPlace = ({ towerId, locker }: Place): boolean =>
  towerId === guestPlace.towerId && locker === guestPlace.locker;

const position = (story: typeof ticketStory) =>
  elsewhere((circumstances, towerId) => story({ ...circumstances, partner: queueup, towerId }));

const access = (story: typeof accessStory) =>
  at(placesOf(gatekeeper), (circumstances, place) => story({ ...circumstances, lock: lockAt(place) }));

function lockAt({ towerId }: Place) {
  const lock = demoLocks.find((one) => one.towerId === towerId);
  if (lock === undefined) throw new TypeError(`The demo has no lock at ${towerId}`);
  return lock;
}

/** All that can happen, and at whose lockers. */
export const plots = {
  courierParcel: parcel(courier),
  marketParcel: parcel(marketplace),
  skyParcel: parcel(skyline),
  guest: at([guestPlace], ({ random }, place) => guestStory({ partner: doorlink, place, random })),
  link: link(doorlink),
  skyLink: link(skyline),
  offline: at(placesOf(courier), (circumstances, place) =>
    offlineStory(parcelPlot(courier, circumstances, place), circumstances.graceHours),
  ),
  expiry: parcel(courier, expiryStory),
  forced: at(placesOf(marketplace), (_, place) => forcedStory(place)),
  access: access(accessStory),
  offlineAccess: access(offlineAccessStory),
  booking: elsewhere((circumstances) => bookingStory({ ...circumstances, partner: escapehub })),
  ticket: position(ticketStory),
  walkIn: position(walkInStory),
  appointment: position(appointmentStory),
} satisfies Record<string, AtLocker | Elsewhere>;

export type PlotName = keyof typeof plots;

/** So that everything is seen within a minute or two. */
export const opening: readonly PlotName[] = [
  'guest',
  'courierParcel',
  'link',
  'booking',
  'access',
  'ticket',
  'skyParcel',
  'marketParcel',
  'expiry',
  'appointment',
  'walkIn',
  'offline',
  'skyLink',
  'offlineAccess',
  'forced',
];

const often = (times: number, name: PlotName): PlotName[] => Array.from({ length: times }, () => name);

/** What comes after that, by chance. */
export const repertoire: readonly PlotName[] = [
  ...often(3, 'courierParcel'),
  ...often(2, 'marketParcel'),
  ...often(2, 'skyParcel'),
  ...often(3, 'link'),
  ...often(3, 'access'),
  ...often(3, 'booking'),
  ...often(2, 'ticket'),
  ...often(2, 'walkIn'),
  'skyLink',
  'offline',
  'expiry',
  'forced',
  'offlineAccess',
  'appointment',
];

/** What an earlier run left open, told to its end. Null when the demo has no such partner any more. */
export function continued(circumstances: Circumstances, open: OpenCase): Story | null {
  const partner = [courier, marketplace, skyline, doorlink].find(
    ({ partnerId }) => partnerId === open.partnerId,
  );
  if (partner === undefined) return null;
  const { place } = open;
  switch (open.kind) {
    case 'parcel': {
      const plot = { ...parcelPlot(partner, circumstances, place), barcode: open.barcode };
      return continuedParcelStory(plot, open.reservationId);
    }
    case 'link': {
      const plot = { partner, place, random: circumstances.random };
      return isGuestPlace(place) ? guestStory(plot, open) : continuedLinkStory(plot, open);
    }
  }
}
