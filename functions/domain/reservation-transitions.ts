import type { ReservationStatus } from '../../schemas/entity.ts';
import type { Cause } from '../../schemas/event.ts';

type Transitions = Readonly<
  Record<ReservationStatus, Readonly<Partial<Record<ReservationStatus, readonly Cause[]>>>>
>;

/** A request over HTTP, by the partner itself or by an operator. */
const byRequest = ['api', 'operator'] as const satisfies readonly Cause[];

/**
 * Every allowed transition, from → to → who may cause it. All else is refused. Source: the partner document in
 * test/seeds/reservation-status.txt.
 *
 * What a tower saw may overtake what it saw before (PICKED_UP may arrive ahead of STOCKED), so a tower's or courier's
 * fact is taken in every status that is not terminal; whether it is new enough is the decider's question. A partner
 * or operator may record by the API what its own staff did; EXPIRED is the timer's alone, and final but for what a tower saw before it
 * and tells later: that is no transition from it but the correction of a mistake, and the decider's as well.
 */
export const transitions: Transitions = {
  NEW: {
    RESERVED: byRequest,
    INCOMPLETE: ['tower', ...byRequest],
    STOCKED: ['tower', ...byRequest],
    PICKED_UP: ['tower'],
    RETURNED: ['courier'],
    EXPIRED: ['timer'],
    CANCELED: byRequest,
  },
  RESERVED: {
    INCOMPLETE: ['tower', ...byRequest],
    STOCKED: ['tower', ...byRequest],
    PICKED_UP: ['tower'],
    RETURNED: ['courier'],
    EXPIRED: ['timer'],
    CANCELED: byRequest,
  },
  INCOMPLETE: {
    STOCKED: ['tower', ...byRequest],
    RETURNING: byRequest,
    PICKED_UP: ['tower', ...byRequest],
    RETURNED: ['courier', ...byRequest],
    EXPIRED: ['timer'],
    CANCELED: byRequest,
  },
  STOCKED: {
    INCOMPLETE: ['tower', ...byRequest],
    RETURNING: ['timer', ...byRequest],
    PICKED_UP: ['tower', ...byRequest],
    RETURNED: ['courier', ...byRequest],
  },
  RETURNING: {
    INCOMPLETE: ['tower'],
    STOCKED: ['tower'],
    PICKED_UP: ['tower', ...byRequest],
    RETURNED: ['courier', ...byRequest],
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
