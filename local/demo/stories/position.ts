import { PositionResourceSchema } from '../../../schemas/api/position.ts';
import { instantFromMs } from '../../../schemas/instant.ts';
import { eventName, positionOf } from '../event-name.ts';
import { shortName } from '../line.ts';
import { queueId, type DemoPartner } from '../network.ts';
import { untilTimersRanSeconds } from './parcel.ts';
import { ask, nothingTold, pause, publish, type Random, type Story } from './step.ts';

export interface PositionPlot {
  partner: Pick<DemoPartner, 'clientId' | 'partnerId'>;
  /** Whose kiosk people use. */
  towerId: string;
  /** Epoch milliseconds. */
  now: () => number;
  random: Random;
}

const PositionSchema = PositionResourceSchema.pick({ positionId: true, status: true });

/** Staff gives somebody a ticket. */
export function* ticketStory(plot: PositionPlot): Story {
  const label = newLabel(plot.random);
  const positionId = yield* create(plot, { type: 'manual', label }, 'position.created', `ticket ${label}`);
  yield* waitingStory(plot, positionId, label);
}

/** Somebody takes a ticket at a kiosk. */
export function* walkInStory(plot: PositionPlot): Story {
  const label = newLabel(plot.random);
  const { towerId } = plot;
  const report = { type: 'position.walk_in', queue: queueId, label, numberOfPeople: 1 } as const;
  const message = yield* publish({ towerId, reports: [report], say: `${label} takes a ticket at the kiosk` });
  yield* waitingStory(plot, positionOf(towerId, message), label);
}

const leadSeconds = 20;

/** Somebody books a time slot. It begins by itself, at the full minute; unless staff cancels it before. */
export function* appointmentStory(plot: PositionPlot): Story {
  const { now, random } = plot;
  const label = newLabel(random);
  const startMs = now() + leadSeconds * 1_000;
  const slot = { start: instantFromMs(startMs), end: instantFromMs(startMs + 15 * 60_000) };
  const positionId = yield* create(
    plot,
    { type: 'booking', label, booking: slot },
    'position.booking_confirmed',
    `${label} books a time slot`,
  );
  if (random() < 0.2) {
    yield { kind: 'wait', seconds: leadSeconds / 2 };
    yield* act(plot, positionId, 'cancel-by-staff', 'position.cancelled_by_staff', `${label}: staff cancels`);
    return;
  }
  yield { kind: 'wait', seconds: leadSeconds + untilTimersRanSeconds };
  if (yield* isWaiting(plot, positionId)) yield* waitingStory(plot, positionId, label);
}

/** From the queue to the desk, or not. */
function* waitingStory(plot: PositionPlot, positionId: string, label: string): Story {
  const { random } = plot;
  yield pause(random);
  const chance = random();
  if (chance < 0.12)
    return yield* act(plot, positionId, 'cancel', 'position.cancelled', `${label} does not want to wait`);
  if (chance < 0.22)
    return yield* act(plot, positionId, 'reject', 'position.booking_removed', `${label}: staff rejects it`);
  const station = { id: 'desk-2', label: 'Desk 2' };
  yield* act(plot, positionId, 'call', 'position.called', `${label} to Desk 2`, { station });
  yield pause(random);
  if (random() < 0.3) {
    yield* act(plot, positionId, 'retry', 'position.retried', `${label} to Desk 2, please`);
    yield pause(random);
  }
  yield* checkIn(plot, positionId, label);
  yield pause(random);
  yield* act(plot, positionId, 'check-out', 'position.completed', `${label} was served`);
  if (random() < 0.5) return;
  yield pause(random);
  const feedback = { rating: 3 + Math.floor(random() * 3), message: 'Quick and friendly' };
  const say = `${label} gives ${feedback.rating} stars`;
  yield* act(plot, positionId, 'feedback', 'position.feedback_received', say, feedback);
}

/** At the kiosk, or by staff. */
function* checkIn(plot: PositionPlot, positionId: string, label: string): Story {
  const { towerId, random } = plot;
  if (random() < 0.5) {
    const report = { type: 'position.checked_in', positionId } as const;
    yield* publish({ towerId, reports: [report], say: `${label} checks in at the kiosk` });
  } else yield* act(plot, positionId, 'check-in', 'position.fulfilled', `${label} is at the desk`);
}

function* create(
  { partner }: PositionPlot,
  fields: { type: 'manual' | 'booking'; label: string; booking?: { start: string; end: string } },
  what: string,
  detail: string,
): Story<string> {
  const { clientId } = partner;
  const body = { queue: queueId, ...fields };
  const answer = yield* ask({
    clientId,
    request: { method: 'POST', path: '/v1/positions', body },
    tell: (created) => [told(PositionSchema.parse(created.body).positionId, 1, what, detail)],
  });
  return PositionSchema.parse(answer.body).positionId;
}

type Verb =
  'call' | 'retry' | 'check-in' | 'check-out' | 'cancel' | 'cancel-by-staff' | 'reject' | 'feedback';

function* act(
  { partner }: PositionPlot,
  positionId: string,
  verb: Verb,
  what: string,
  detail: string,
  body?: object,
): Story {
  yield* ask({
    clientId: partner.clientId,
    request: {
      method: 'POST',
      path: `/v1/positions/${positionId}/${verb}`,
      ...(body !== undefined && { body }),
    },
    tell: ({ version }) => [told(positionId, version ?? 0, what, detail)],
  });
}

/** A timer that is late has not activated it yet. */
function* isWaiting({ partner }: PositionPlot, positionId: string): Story<boolean> {
  const request = { method: 'GET', path: `/v1/positions/${positionId}` } as const;
  const answer = yield* ask({ clientId: partner.clientId, request, tell: nothingTold });
  return PositionSchema.parse(answer.body).status === 'waiting';
}

const told = (id: string, version: number, what: string, detail: string) => {
  const subject = { kind: 'position', id } as const;
  return { name: eventName(subject, { version }), where: shortName(subject), locker: null, what, detail };
};

/** `B7` */
const newLabel = (random: Random): string =>
  `${'ABCDEF'.charAt(Math.floor(random() * 6))}${1 + Math.floor(random() * 98)}`;
