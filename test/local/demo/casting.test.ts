import { isDeepStrictEqual } from 'node:util';
import { describe, expect, it } from 'vitest';
import { createCasting, type Deed } from '../../../local/demo/casting.ts';
import {
  demoLocks,
  demoNetwork,
  demoPartners,
  departmentId,
  guestPlace,
} from '../../../local/demo/network.ts';
import type { OpenCase } from '../../../local/demo/notebook.ts';
import type { Outcome } from '../../../local/demo/stories/step.ts';
import { parseNetwork } from '../../../local/network/read.ts';
import { ContractNameSchema } from '../../../schemas/contract.ts';
import { TowerMessageSchema, type TowerMessage } from '../../../schemas/tower-message.ts';
import { createFakeApi } from './fake-api.ts';
import { seeded } from './seeded.ts';

const startMs = Date.UTC(2026, 5, 1);

interface Played {
  deeds: Deed[];
  /** Everything that towers published, in order. */
  messages: { towerId: string; message: TowerMessage }[];
  /** Operations of the API that were used. */
  operations: ReadonlySet<string>;
  /** What a later run would go on with. */
  kept: readonly OpenCase[];
}

interface Play {
  seed?: number;
  open?: OpenCase[];
  /** Whether whoever watches presses the button of each link at once. */
  guest?: boolean;
  /** Which deeds fail. */
  fails?: (deed: Deed) => boolean;
}

/** What happens within `steps` steps, one a second, at a network where everything works. */
function played(
  steps: number,
  { seed = 1, open = [], guest = false, fails = () => false }: Play = {},
): Played {
  let nowMs = startMs;
  let kept: readonly OpenCase[] = open;
  const [deeds, messages]: [Deed[], Played['messages']] = [[], []];
  const api = createFakeApi({ onOpen: (command) => casting.openDoor('0000000000000001', command) });
  const keep = (cases: readonly OpenCase[]) => (kept = cases);
  const casting = createCasting({ random: seeded(seed), now: () => nowMs, open, keep, graceHours: 48 });
  const perform = (deed: Deed): Outcome => {
    if (deed.kind === 'report') {
      const stamped = deed.reports.map((fields, i) =>
        TowerMessageSchema.parse({
          v: 1,
          boot: 'b1',
          seq: messages.length + i,
          at: '2026-06-01T00:00:00Z',
          ...fields,
        }),
      );
      for (const message of stamped) {
        messages.push({ towerId: deed.towerId, message });
        if (message.type === 'command.result') api.settle(message.commandId, message.outcome);
        if (message.type === 'token.used') api.useToken(message.tokenId);
      }
      return { kind: 'published', messages: stamped };
    }
    if (deed.kind === 'offer') {
      if (guest) api.answer(null, { method: 'POST', path: deed.path, form: { name: 'Guest' } });
      return { kind: 'nothing' };
    }
    const first = api.answer(deed.clientId, deed.request);
    const answer =
      deed.followUp === undefined ? first : api.answer(deed.followUp.clientId, deed.followUp.request);
    deed.tell(answer);
    return { kind: 'answered', answer };
  };
  for (let step = 0; step < steps; step += 1) {
    nowMs += 1_000;
    const scene = casting.next();
    if (scene === null) continue;
    deeds.push(scene.deed);
    if (fails(scene.deed)) scene.fail({ forget: true });
    else scene.done(perform(scene.deed));
  }
  return { deeds, messages, operations: api.used, kept };
}

const requestsOf = ({ deeds }: Played) =>
  deeds.flatMap((deed) => (deed.kind === 'call' ? [deed.request] : []));

describe('the demo network', () => {
  it('is a network file without a mistake, whose partners share no locker', () => {
    const file = demoNetwork('http://127.0.0.1:9');
    expect(parseNetwork(JSON.stringify(file), 'demo')).toEqual(file);
    expect(file.towers.map(({ lockers }) => lockers.length)).toEqual([16, 16, 16]);
    const lockers = demoPartners.flatMap((partner) => partner.lockers);
    expect(new Set(lockers).size).toBe(lockers.length);
  });

  it('has one partner for each contract, which can sign in', () => {
    const { partners, endpoints } = demoNetwork('http://127.0.0.1:9');
    expect(endpoints.map(({ contract }) => contract).sort()).toEqual([...ContractNameSchema.options].sort());
    expect(new Set(endpoints.map(({ partnerId }) => partnerId)).size).toBe(endpoints.length);
    expect(new Set(partners.flatMap(({ clientIds = [] }) => clientIds)).size).toBe(partners.length);
  });

  it('has keys of both origins at every lock', () => {
    for (const { keys } of demoLocks)
      expect(new Set(keys.map(({ origin }) => origin))).toEqual(new Set(['integrator', 'app']));
  });
});

describe('the stories of the demo', () => {
  it('send every message that a tower can, but for its own start and heartbeat', () => {
    const types = new Set(played(4_000).messages.map(({ message }) => message.type));
    const own = new Set(['tower.started', 'tower.heartbeat', 'keypad.used']);
    const all = TowerMessageSchema.options.map(({ shape }) => shape.type.value);
    expect([...types].sort()).toEqual(all.filter((type) => !own.has(type)).sort());
  });

  it('use the API as it is documented: every request has its operation and a valid body', () => {
    const { operations } = played(4_000);
    expect([...operations].sort()).toEqual(
      [
        'getLocker',
        'createReservation',
        'cancelReservation',
        'createLockerOpenRequest',
        'getLockerOpenRequest',
        'pressLockerButton',
        'createBooking',
        'updateBooking',
        'deleteBooking',
        'createPosition',
        'getPosition',
        'callPosition',
        'retryPosition',
        'checkInPosition',
        'checkOutPosition',
        'cancelPosition',
        'cancelPositionByStaff',
        'rejectPosition',
        'givePositionFeedback',
      ].sort(),
    );
  });

  it('are all begun within the first minute', () => {
    const { operations, messages } = played(60);
    for (const one of ['createReservation', 'createLockerOpenRequest', 'createBooking', 'createPosition'])
      expect(operations).toContain(one);
    const types = messages.map(({ message }) => message.type);
    for (const type of ['access.unlocked', 'position.walk_in', 'parcel.stocked'])
      expect(types).toContain(type);
  });

  it('never meet at one locker: doors open and shut in turn', () => {
    const doors = Map.groupBy(
      played(2_000, { seed: 7 }).messages.flatMap(({ towerId, message }) =>
        // The fake tower opens one locker for every link.
        message.type !== 'locker.opened' && message.type !== 'locker.closed'
          ? []
          : [{ door: `${towerId}/${message.locker}`, type: message.type }],
      ),
      ({ door }) => door,
    );
    doors.delete('0000000000000001/5');
    expect(doors.size).toBeGreaterThan(15);
    const opensTwice = [...doors.values()].filter((reports) =>
      reports.some(({ type }, i) => type === 'locker.opened' && reports[i - 1]?.type === type),
    );
    expect(opensTwice).toEqual([]);
  });

  it('let a tower answer a button at once, with one result, and use each token once', () => {
    const { messages, deeds } = played(3_000);
    const afterPress = deeds.flatMap((deed, i) =>
      deed.kind === 'call' && deed.request.path.startsWith('/o/') ? [deeds[i + 1]] : [],
    );
    expect(afterPress.length).toBeGreaterThan(10);
    // Only another door that waits to be shut may be ahead.
    for (const deed of afterPress)
      expect(deed?.kind === 'report' && deed.reports[0]?.type).toMatch(/^(command\.result|locker\.closed)$/);
    const tokens = messages.flatMap(({ message }) =>
      message.type === 'token.used' ? [message.tokenId] : [],
    );
    expect(tokens.length).toBeGreaterThan(10);
    expect(new Set(tokens).size).toBe(tokens.length);
    const results = messages.filter(({ message }) => message.type === 'command.result');
    expect(new Set(results.map(({ message }) => 'outcome' in message && message.outcome))).toEqual(
      new Set(['opened', 'refused']),
    );
  });

  it('leave a locker alone for a while where something failed', () => {
    const { deeds } = played(500, { fails: isReservation });
    const places = deeds
      .filter(isReservation)
      .map((deed) => JSON.stringify(deed.kind === 'call' && placeIn(deed.request.body)));
    expect(places.length).toBeGreaterThan(10);
    expect(new Set(places).size).toBe(places.length);
  });

  it('book for the department of the integration', () => {
    const bodies = requestsOf(played(300)).filter(({ path }) => path === '/v1/bookings');
    expect(bodies.length).toBeGreaterThan(0);
    for (const { body } of bodies) expect(body).toMatchObject({ departmentId });
  });
});

const isReservation = (deed: Deed) => deed.kind === 'call' && deed.request.path === '/v1/reservations';

const placeIn = (body: object | undefined) =>
  body !== undefined && 'towerId' in body && 'locker' in body ? [body.towerId, body.locker] : null;

const offersOf = ({ deeds }: Pick<Played, 'deeds'>) =>
  deeds.flatMap((deed) => (deed.kind === 'offer' ? [deed] : []));

describe('the link for whoever watches', () => {
  it('is offered once, and nothing else happens at its locker', () => {
    const { deeds, messages } = played(1_000);
    const [offer, ...more] = offersOf({ deeds });
    expect(offer).toMatchObject({ place: guestPlace, flow: 'dropoff' });
    expect(offer?.path).toMatch(/^\/o\//);
    expect(more).toEqual([]);
    const there = messages.filter(
      ({ towerId, message }) =>
        towerId === guestPlace.towerId && 'locker' in message && message.locker === guestPlace.locker,
    );
    expect(there).toEqual([]);
  });

  it('is followed by another one once it was used', () => {
    const offers = offersOf(played(1_000, { guest: true }));
    expect(offers.length).toBeGreaterThan(1);
    expect(new Set(offers.map(({ path }) => path)).size).toBe(offers.length);
  });

  it('is the same one in a later run', () => {
    const offer = offersOf(played(100))[0];
    const { kept } = played(100);
    const [again] = offersOf(
      played(100, { open: kept.filter(({ place }) => isDeepStrictEqual(place, guestPlace)) }),
    );
    expect(again).toEqual(offer);
  });
});

describe('a later run of the demo', () => {
  const place = { towerId: '0000000000000002', locker: 3 };

  it('goes on with a parcel that an earlier one left', () => {
    const left = {
      kind: 'parcel',
      partnerId: 'couriernet',
      place,
      reservationId: 'RES-LEFT',
      barcode: '123',
    } as const;
    const { messages, kept } = played(200, { open: [left] });
    const about = messages.flatMap(({ message }) =>
      'reservationId' in message && message.reservationId === 'RES-LEFT' ? [message] : [],
    );
    expect(about).toHaveLength(1);
    expect(about[0]).toMatchObject({ locker: 3, barcode: '123' });
    expect(about[0]?.type).toMatch(/^parcel\.(picked_up|collected)$/);
    expect(kept).not.toContainEqual(left);
  });

  it('is told of everything that holds a locker, until it is over', () => {
    const { kept, deeds } = played(600);
    expect(kept.length).toBeGreaterThan(0);
    const created = deeds.filter(
      (deed) => deed.kind === 'call' && /^\/v1\/(reservations|locker-open-requests)$/.test(deed.request.path),
    );
    expect(kept.length).toBeLessThan(created.length / 2);
  });
});
