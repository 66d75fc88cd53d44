import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { renderQueuePosition } from '../../../../functions/deliver/contracts/queue-position.ts';
import type { DomainEvent } from '../../../../schemas/event.ts';
import { makeEndpoint, makeEvent, makePositionEvent } from '../../../helpers/deliveries.ts';
import { samplesOf } from './seeds.ts';

const endpoint = makeEndpoint({ contract: 'queue-position' });
const render = (event: DomainEvent) => {
  const rendering = renderQueuePosition(event, endpoint, { operatorTimeZone: 'UTC' });
  return rendering === null ? null : Buffer.from(rendering.body).toString('utf8');
};
const document = readFileSync(new URL('../../../seeds/queue-position.txt', import.meta.url), 'utf8');

/** The position of the samples of cancelled tickets. */
const cancelled = {
  positionId: 'cce2ae86-1f5c-4dd4-b040-0b606a850f62',
  organization: 'ikea-dev',
  location: 'Sales - Living Room',
  queue: 'dd31dda9-5ec0-46c6-a75b-71cb1f66a48d',
  type: 'booking',
  status: 'rejected',
  priority: 100,
  label: '',
  locale: 'en',
  notification: { type: 'phoneNumber', settings: { recipient: '', to: '+4600000000', from: '' } },
  numberOfPeople: 1,
  booking: { start: '2021-01-13T05:30:00.000Z', end: '2021-01-13T06:00:00.000Z' },
  bookingReminderAt: '2021-01-13T05:00:00.000Z',
  createdAt: '2021-01-11T14:48:24.479Z',
  leaveReminderAt: null,
  leaveAt: null,
};

/** The position of the sample of feedback. */
const served = {
  positionId: '788ab8bd-1590-4bfb-8569-7a4920a3d679',
  organization: 'ombori',
  location: 'IKEA Riyadh Store Exchange and Return',
  queue: 'dd31dda9-5ec0-46c6-a75b-71cb1f66a48d',
  type: 'booking',
  status: 'completed',
  priority: 0,
  label: 'A2',
  locale: 'en',
  notification: { type: 'phoneNumber', settings: { from: '', to: '+4600000000' } },
  numberOfPeople: 1,
  booking: { start: '2020-12-14T12:30:00.000Z', end: '2020-12-14T13:00:00.000Z' },
  bookingReminderAt: '2020-12-14T12:00:00.000Z',
  createdAt: '2020-12-14T12:16:20.308Z',
  extraStatus: 'goToEntrance',
  station: { id: '259a8de4-f5ea-42c4-a9af-e272a42f1b6f', label: 'C2' },
  fulfilledAt: '2020-12-14T12:16:26.473Z',
  leaveReminderAt: null,
  leaveAt: null,
  feedback: { rating: 4, message: 'Lorem ipsum' },
};

describe('the queue-position contract', () => {
  const [byCustomer, byStaff, feedback, ...others] = samplesOf('queue-position');

  it('has three samples in its document', () => {
    expect([byCustomer, byStaff, feedback, others.length]).toEqual([
      expect.stringContaining('"positionCancelled"'),
      expect.stringContaining('"positionCancelledByStaff"'),
      expect.stringContaining('"feedbackReceived"'),
      0,
    ]);
  });

  it('says a ticket that the customer cancelled as the document does, to the byte', () => {
    expect(render(makePositionEvent({ type: 'position.cancelled', data: cancelled }))).toBe(byCustomer);
  });

  it('says a ticket that staff cancelled as the document does, to the byte', () => {
    expect(render(makePositionEvent({ type: 'position.cancelled_by_staff', data: cancelled }))).toBe(byStaff);
  });

  it('says feedback as the document does, to the byte', () => {
    expect(render(makePositionEvent({ type: 'position.feedback_received', data: served }))).toBe(feedback);
  });

  const types = [...document.matchAll(/•\s+(\w+) ?-/g)].map((match) => match[1]);

  it('has eleven types in its document', () => {
    expect(types).toHaveLength(11);
  });

  it.each([
    ['position.created', 'positionCreated'],
    ['position.booking_confirmed', 'bookingConfirmation'],
    ['position.booking_activated', 'bookingActivated'],
    ['position.booking_removed', 'bookingRemoved'],
    ['position.retried', 'positionRetry'],
    ['position.called', 'positionCalled'],
    ['position.fulfilled', 'positionFulfilled'],
    ['position.completed', 'positionCompleted'],
    ['position.cancelled', 'positionCancelled'],
    ['position.cancelled_by_staff', 'positionCancelledByStaff'],
    ['position.feedback_received', 'feedbackReceived'],
  ])('says %s as %s, a type of the document, with the organization behind it', (type, name) => {
    expect(types).toContain(name);
    expect(render(makePositionEvent({ type, data: served }))).toMatch(
      new RegExp(`"type":"${name}","organization":"ombori"}$`),
    );
  });

  it('message is null, but for feedback, which has none', () => {
    expect(render(makePositionEvent({ type: 'position.called' }))).toMatch(/^\{"message":null,"data":/);
    expect(render(makePositionEvent({ type: 'position.feedback_received' }))).toMatch(/^\{"data":/);
  });

  it('leaves out what a walk-in does not have, and shows station and check-in once there are any', () => {
    const { booking: _booking, bookingReminderAt: _reminder, ...walkIn } = cancelled;
    const text = render(makePositionEvent({ data: { ...walkIn, type: 'walkIn', status: 'waiting' } }));
    expect(text).not.toMatch(/booking|station|fulfilledAt|feedback|undefined/);
    expect(render(makePositionEvent({ type: 'position.fulfilled', data: served }))).toContain(
      '"extraStatus":"goToEntrance","station":{"id":"259a8de4-f5ea-42c4-a9af-e272a42f1b6f","label":"C2"},"fulfilledAt":"2020-12-14T12:16:26.473Z"',
    );
  });

  it('has no way to say anything else', () => {
    expect(render(makeEvent())).toBeNull();
    const refused = { positionId: 'p1', queue: 'q1', status: 'completed', refusal: 'transition_not_allowed' };
    expect(render(makeEvent({ type: 'position.check_in_refused', data: refused }))).toBeNull();
  });
});
