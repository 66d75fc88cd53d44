import type { PositionStatus } from '../../schemas/position.ts';
import type { PositionEventType } from './position.ts';

/** What may be done to a position. Creation is no transition. */
export type PositionAction =
  | 'activate'
  | 'call'
  | 'retry'
  | 'check_in'
  | 'check_out'
  | 'cancel'
  | 'cancel_by_staff'
  | 'reject'
  | 'feedback';

interface Transition {
  from: readonly PositionStatus[];
  to: PositionStatus;
  event: PositionEventType;
}

/**
 * Every allowed transition; all else is refused. Sources: the document's list of types (test/seeds/queue-position.txt)
 * and its samples. Both of a cancelled ticket show the status `rejected`, whoever cancelled. The one of feedback shows a
 * booking that was checked in before its time slot, so a check-in waits for nothing.
 */
export const transitions: Readonly<Record<PositionAction, Transition>> = {
  activate: { from: ['upcoming'], to: 'waiting', event: 'position.booking_activated' },
  call: { from: ['waiting'], to: 'called', event: 'position.called' },
  retry: { from: ['called'], to: 'called', event: 'position.retried' },
  check_in: { from: ['upcoming', 'waiting', 'called'], to: 'fulfilled', event: 'position.fulfilled' },
  check_out: { from: ['fulfilled'], to: 'completed', event: 'position.completed' },
  cancel: { from: ['upcoming', 'waiting', 'called'], to: 'rejected', event: 'position.cancelled' },
  // "Staff cancelled upcoming booking"; what is in the queue already, staff rejects.
  cancel_by_staff: { from: ['upcoming'], to: 'rejected', event: 'position.cancelled_by_staff' },
  reject: { from: ['waiting', 'called'], to: 'rejected', event: 'position.booking_removed' },
  // "Customer updated feedback": as often as they like.
  feedback: { from: ['completed'], to: 'completed', event: 'position.feedback_received' },
};
