import type { ReservationStatus } from '../../schemas/entity.ts';
import type { Cause } from '../../schemas/event.ts';

type Transitions = Readonly<
  Record<ReservationStatus, Readonly<Partial<Record<ReservationStatus, readonly Cause[]>>>>
>;

/**
 * Every allowed transition, from → to → who may cause it. All else is refused. Source: the partner document in
 * test/seeds/reservation-status.txt.
 *
 * What a tower saw may overtake what it saw before (PICKED_UP may arrive ahead of STOCKED), so a tower's or courier's
 * fact is taken in every status that is not terminal; whether it is new enough is the decider's question. A partner
 * may record by the API what its own staff did; EXPIRED is the timer's alone.
 */
export const transitions: Transitions = {
  NEW: {
    RESERVED: ['api'],
    INCOMPLETE: ['tower', 'api'],
    STOCKED: ['tower', 'api'],
    PICKED_UP: ['tower'],
    RETURNED: ['courier'],
    EXPIRED: ['timer'],
    CANCELED: ['api'],
  },
  RESERVED: {
    INCOMPLETE: ['tower', 'api'],
    STOCKED: ['tower', 'api'],
    PICKED_UP: ['tower'],
    RETURNED: ['courier'],
    EXPIRED: ['timer'],
    CANCELED: ['api'],
  },
  INCOMPLETE: {
    STOCKED: ['tower', 'api'],
    RETURNING: ['api'],
    PICKED_UP: ['tower', 'api'],
    RETURNED: ['courier', 'api'],
    EXPIRED: ['timer'],
    CANCELED: ['api'],
  },
  STOCKED: {
    INCOMPLETE: ['tower', 'api'],
    RETURNING: ['timer', 'api'],
    PICKED_UP: ['tower', 'api'],
    RETURNED: ['courier', 'api'],
  },
  RETURNING: {
    INCOMPLETE: ['tower'],
    STOCKED: ['tower'],
    PICKED_UP: ['tower', 'api'],
    RETURNED: ['courier', 'api'],
  },
  RETURNED: {},
  PICKED_UP: {},
  EXPIRED: {},
  CANCELED: {},
};

export const isAllowed = (from: ReservationStatus, to: ReservationStatus, cause: Cause): boolean =>
  transitions[from][to]?.includes(cause) ?? false;

export const isTerminal = (status: ReservationStatus): boolean =>
  Object.keys(transitions[status]).length === 0;
