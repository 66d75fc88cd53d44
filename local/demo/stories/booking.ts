import type * as z from 'zod';
import { BookingResourceSchema } from '../../../schemas/api/booking.ts';
import { instantFromMs } from '../../../schemas/instant.ts';
import type { ApiRequest } from '../api-client.ts';
import { eventName } from '../event-name.ts';
import { shortName } from '../line.ts';
import { departmentId, type DemoPartner } from '../network.ts';
import { ask, pause, type Random, type Story } from './step.ts';

export interface BookingPlot {
  partner: Pick<DemoPartner, 'clientId' | 'partnerId'>;
  /** Epoch milliseconds. */
  now: () => number;
  random: Random;
}

const BookingSchema = BookingResourceSchema.pick({ bookingId: true });
const customers = ['Ada Lovelace', 'Grace Hopper', 'Alan Turing', 'Emmy Noether'] as const;
const hourMs = 3_600_000;

/** A booking comes, changes, and sometimes goes. Each is a message that the partner must read. */
export function* bookingStory(plot: BookingPlot): Story {
  const { now, random } = plot;
  const startMs = Math.ceil(now() / hourMs) * hourMs + Math.floor(random() * 72) * hourMs;
  const numberOfPeople = 2 + Math.floor(random() * 5);
  const body = {
    departmentId,
    start: instantFromMs(startMs),
    end: instantFromMs(startMs + hourMs),
    numberOfPeople,
    customer: { name: customers[Math.floor(random() * customers.length)] ?? customers[0] },
  };
  const create = { method: 'POST', path: '/v1/bookings', body } as const;
  const { bookingId } = yield* act(plot, create, {
    what: 'booking.added',
    detail: `${body.customer.name}, ${numberOfPeople} people`,
  });
  yield pause(random);
  const path = `/v1/bookings/${bookingId}`;
  const edit = { method: 'PATCH', path, body: { numberOfPeople: numberOfPeople + 1 }, ifMatch: 1 } as const;
  yield* act(plot, edit, { what: 'booking.edited', detail: `${numberOfPeople + 1} people` });
  if (random() < 0.6) return;
  yield pause(random);
  yield* act(
    plot,
    { method: 'DELETE', path, ifMatch: 2 },
    { what: 'booking.deleted', detail: 'called off' },
    bookingId,
  );
}

/** `known` for a request whose answer does not name the booking. */
function* act(
  { partner }: BookingPlot,
  request: ApiRequest,
  { what, detail }: { what: string; detail: string },
  known?: string,
): Story<z.infer<typeof BookingSchema>> {
  const idOf = (body: unknown) => known ?? BookingSchema.parse(body).bookingId;
  const answer = yield* ask({
    clientId: partner.clientId,
    request,
    tell: ({ body }) => {
      const subject = { kind: 'booking', id: idOf(body) } as const;
      const name = eventName(subject, { version: (request.ifMatch ?? 0) + 1 });
      return [{ name, where: shortName(subject), locker: null, what, detail }];
    },
  });
  return { bookingId: idOf(answer.body) };
}
