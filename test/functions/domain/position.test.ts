import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  createPosition,
  movePosition,
  runPositionTimer,
  type NewPosition,
  type PositionCommand,
  type PositionOrigin,
  type PositionOutcome,
} from '../../../functions/domain/position.ts';
import { transitions, type PositionAction } from '../../../functions/domain/position-transitions.ts';
import { walkInPositionId } from '../../../functions/domain/walk-in.ts';
import { DomainEventSchema } from '../../../schemas/event.ts';
import { PositionStatusSchema, type Position, type Queue } from '../../../schemas/position.ts';

const now = '2026-03-20T09:15:00.000Z';
const api: PositionOrigin = { by: 'api', now };
const queue: Queue = {
  kind: 'queue',
  queueId: 'q1',
  partnerId: 'acme',
  organization: 'acme-stores',
  location: 'Main Street',
  towerIds: ['0000000000000001'],
  version: 1,
};
const fields: NewPosition = {
  positionId: 'p1',
  type: 'walkIn',
  priority: 0,
  label: 'A1',
  locale: 'en',
  notification: { type: 'none', settings: { from: '', to: '' } },
  numberOfPeople: 1,
};
const slot = { start: '2026-03-20T10:00:00.000Z', end: '2026-03-20T10:30:00.000Z' };
const kiosk = (at: string): PositionOrigin => ({
  by: 'tower',
  towerId: '0000000000000001',
  boot: 'b7',
  seq: 5,
  at,
  receivedAt: now,
});

const position = (changes: Partial<Position> = {}): Position => {
  const outcome = createPosition(fields, queue, api);
  if (outcome.kind !== 'decided') throw new Error(outcome.kind);
  return { ...outcome.position, version: 1, ...changes };
};
const eventOf = (outcome: PositionOutcome) => (outcome.kind === 'decided' ? outcome.events[0] : undefined);

const commands: Record<PositionAction, PositionCommand> = {
  activate: { action: 'activate' },
  call: { action: 'call', station: { id: 's1', label: 'C2' }, extraStatus: 'goToEntrance' },
  retry: { action: 'retry' },
  check_in: { action: 'check_in' },
  check_out: { action: 'check_out' },
  cancel: { action: 'cancel' },
  cancel_by_staff: { action: 'cancel_by_staff' },
  reject: { action: 'reject' },
  feedback: { action: 'feedback', feedback: { rating: 4, message: 'Lorem ipsum' } },
};

describe('the document’s types', () => {
  it.each(['walkIn', 'manual'] as const)(
    'positionCreated: walk-in or manual ticket is created (%s)',
    (type) => {
      const outcome = createPosition({ ...fields, type }, queue, api);
      expect(eventOf(outcome)).toMatchObject({
        type: 'position.created',
        partnerIds: ['acme'],
        data: { type, status: 'waiting', organization: 'acme-stores', location: 'Main Street', queue: 'q1' },
      });
      expect(outcome).toMatchObject({ position: { dueAt: null } });
    },
  );

  it('bookingConfirmation: customer created new booking, of which a reminder comes half an hour ahead', () => {
    const outcome = createPosition({ ...fields, type: 'booking', booking: slot }, queue, api);
    expect(eventOf(outcome)).toMatchObject({
      type: 'position.booking_confirmed',
      data: { status: 'upcoming', booking: slot, bookingReminderAt: '2026-03-20T09:30:00.000Z' },
    });
    expect(outcome).toMatchObject({ position: { dueAt: slot.start } });
  });

  it('bookingActivated: booking is activated (i.e. timeslot is active), at its time and not before', () => {
    const upcoming = position({ type: 'booking', status: 'upcoming', booking: slot, dueAt: slot.start });
    expect(runPositionTimer(upcoming, '2026-03-20T09:59:59.999Z')).toEqual({ kind: 'not_due' });
    const outcome = runPositionTimer(upcoming, '2026-03-20T10:00:40.000Z');
    expect(eventOf(outcome)).toMatchObject({
      type: 'position.booking_activated',
      occurredAt: slot.start,
      receivedAt: '2026-03-20T10:00:40.000Z',
      cause: 'timer',
      data: { status: 'waiting' },
    });
    expect(outcome).toMatchObject({ position: { dueAt: null } });
  });

  it('bookingActivated: a booking for a time slot that has begun is never activated before it was made', () => {
    const made = position({ status: 'upcoming', dueAt: '2026-03-20T09:00:00.000Z' });
    expect(eventOf(runPositionTimer(made, now))).toMatchObject({ occurredAt: made.createdAt });
  });

  it.each([
    ['bookingRemoved: staff rejected a ticket', 'reject', 'waiting', 'rejected', 'position.booking_removed'],
    ['positionRetry: staff called retry on a ticket', 'retry', 'called', 'called', 'position.retried'],
    ['positionCalled: staff called a position', 'call', 'waiting', 'called', 'position.called'],
    ['positionFulfilled: staff checked-in position', 'check_in', 'called', 'fulfilled', 'position.fulfilled'],
    [
      'positionCompleted: staff checked-out position',
      'check_out',
      'fulfilled',
      'completed',
      'position.completed',
    ],
    [
      'positionCancelled: customer cancelled position',
      'cancel',
      'upcoming',
      'rejected',
      'position.cancelled',
    ],
    [
      'positionCancelledByStaff: staff cancelled upcoming booking',
      'cancel_by_staff',
      'upcoming',
      'rejected',
      'position.cancelled_by_staff',
    ],
    [
      'feedbackReceived: customer updated feedback on ticket',
      'feedback',
      'completed',
      'completed',
      'position.feedback_received',
    ],
  ] as const)('%s', (_rule, action, from, to, type) => {
    const outcome = movePosition(position({ status: from }), commands[action], api);
    expect(outcome).toMatchObject({ kind: 'decided', position: { status: to } });
    expect(eventOf(outcome)).toMatchObject({ type, late: false, occurredAt: now, data: { status: to } });
  });

  it('a call says where to, and a check-in when', () => {
    const called = movePosition(position(), commands.call, api);
    expect(eventOf(called)?.data).toMatchObject({
      station: { id: 's1', label: 'C2' },
      extraStatus: 'goToEntrance',
    });
    const fulfilled = movePosition(position(), commands.check_in, api);
    expect(eventOf(fulfilled)?.data).toMatchObject({ fulfilledAt: now });
  });

  it('feedback may be updated as often as the customer likes', () => {
    const first = movePosition(position({ status: 'completed' }), commands.feedback, api);
    if (first.kind !== 'decided') throw new Error(first.kind);
    const again: PositionCommand = { action: 'feedback', feedback: { rating: 1, message: '' } };
    expect(eventOf(movePosition(first.position, again, api))?.data).toMatchObject({
      feedback: { rating: 1, message: '' },
    });
  });

  it('a booking may be checked in before its time slot, as in the sample of feedback; then it is not activated', () => {
    const upcoming = position({ status: 'upcoming', booking: slot, dueAt: slot.start });
    const outcome = movePosition(upcoming, commands.check_in, kiosk('2026-03-20T09:14:00.000Z'));
    expect(outcome).toMatchObject({ position: { status: 'fulfilled', dueAt: null } });
  });
});

describe('a kiosk', () => {
  it('checks in by its own clock, and is named', () => {
    const event = eventOf(movePosition(position(), commands.check_in, kiosk('2026-03-20T09:14:59.123456Z')));
    expect(event).toMatchObject({
      type: 'position.fulfilled',
      cause: 'tower',
      towerId: '0000000000000001',
      locker: null,
      occurredAt: '2026-03-20T09:14:59.123456Z',
      receivedAt: now,
      data: { fulfilledAt: '2026-03-20T09:14:59.123Z' },
    });
    expect(event?.id).toMatch(/^evt_position~p1_[0-9a-z]{8}_b7-5$/);
  });

  it('that was offline moves no position that was ended meanwhile, and is told as late', () => {
    const ended = position({ status: 'rejected', statusAt: '2026-03-20T09:10:00.000Z' });
    const outcome = movePosition(ended, commands.check_in, kiosk('2026-03-20T09:09:00.000Z'));
    expect(outcome).toMatchObject({ kind: 'decided', changes: [] });
    expect(eventOf(outcome)).toMatchObject({ type: 'position.fulfilled', late: true });
    expect(movePosition(ended, commands.check_in, kiosk('2026-03-20T09:11:00.000Z'))).toEqual({
      kind: 'refused',
      refusal: 'transition_not_allowed',
    });
  });

  it('names a walk-in by its message: the same each time, a UUID, another for any other message', () => {
    const name = { towerId: '0000000000000001', boot: 'b7', seq: 5, at: now };
    expect(walkInPositionId(name)).toBe(walkInPositionId({ ...name }));
    expect(walkInPositionId(name)).toMatch(
      /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
    );
    const others = [
      { ...name, towerId: '0000000000000002' },
      { ...name, boot: 'b8' },
      { ...name, seq: 6 },
      { ...name, at: '2026-03-20T09:15:00.001Z' },
    ].map(walkInPositionId);
    expect(new Set([walkInPositionId(name), ...others]).size).toBe(5);
  });
});

describe('a position', () => {
  const actions = fc.constantFrom(...Object.values(commands));
  const statuses = fc.constantFrom(...PositionStatusSchema.options);

  it('moves by the allowed transitions only', () => {
    fc.assert(
      fc.property(statuses, actions, (status, command) => {
        const { from, to } = transitions[command.action];
        const outcome = movePosition(position({ status }), command, api);
        const reached = outcome.kind === 'decided' ? outcome.position.status : outcome.kind;
        expect(reached).toBe(from.includes(status) ? to : 'refused');
      }),
    );
  });

  it('never comes back from its end, and makes one event of its own for each step', () => {
    fc.assert(
      fc.property(fc.boolean(), fc.array(actions, { maxLength: 20 }), (isBooking, steps) => {
        const created = createPosition(isBooking ? { ...fields, booking: slot } : fields, queue, api);
        if (created.kind !== 'decided') throw new Error(created.kind);
        let current = { ...created.position, version: 1 };
        const ids = new Set(created.events.map(({ id }) => id));
        let made = 1;
        for (const command of steps) {
          const outcome = movePosition(current, command, api);
          if (outcome.kind !== 'decided') continue;
          expect(current.status).not.toBe('rejected');
          expect(current.status !== 'completed' || command.action === 'feedback').toBe(true);
          // What is moved waits for no timer any more.
          expect(outcome.position.dueAt).toBeNull();
          for (const event of outcome.events) {
            expect(DomainEventSchema.parse(event)).toEqual(event);
            ids.add(event.id);
          }
          made += 1;
          current = { ...outcome.position, version: current.version + 1 };
        }
        expect(ids.size).toBe(made);
      }),
    );
  });
});
