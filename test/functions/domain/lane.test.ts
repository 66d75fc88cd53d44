import { describe, expect, it } from 'vitest';
import {
  append,
  claimNew,
  claimWaiting,
  isHeadOver,
  isTurnTaken,
  newLane,
  placeAt,
  placeOf,
  takeTurn,
} from '../../../functions/domain/lane.ts';
import { makeAttempt, makeAttempts, makeEvents, makeRecord, makeTask } from '../../helpers/deliveries.ts';

const nowMs = Date.parse('2026-03-20T09:15:02.000Z');
const [task, other] = makeEvents(2).map((event) => makeTask({ event }));
if (task === undefined || other === undefined) throw new Error('no events');
const empty = newLane('main', 't-9');
const lane = claimNew(empty, null, task);
const replay = { redriveId: 'r1', attemptsBefore: 2 };
const recordOf = (overrides: Parameters<typeof makeRecord>[0]) =>
  makeRecord({ event: task.event, ...overrides });
const taken = [makeAttempt({ outcome: 'delivered' })];
const delivered = recordOf({ status: 'delivered', sequence: 1, attempts: taken });

describe('a task’s place', () => {
  it.each([
    ['new, when nothing is known of it', empty, null, task, 'new'],
    ['the head, when a crash came between claim and record', lane, null, task, 'head'],
    [
      'the head, when its retry comes up',
      lane,
      recordOf({ sequence: 1 }),
      { ...task, attempts: makeAttempts(1) },
      'head',
    ],
    ['past, when an attempt of its number is on record', lane, recordOf({ sequence: 1 }), task, 'past'],
    ['past, when it was delivered', lane, delivered, task, 'past'],
    [
      'past, when it was asked for again since, and waits for that',
      lane,
      recordOf({ attempts: [], replay: { ...replay, attemptsBefore: 0 } }),
      task,
      'past',
    ],
    [
      'past, when it was held before any attempt',
      lane,
      recordOf({ status: 'held', sequence: 1, attempts: [] }),
      task,
      'past',
    ],
    [
      'past, when its run was over before any attempt of it',
      claimNew(empty, null, { ...task, replay }),
      recordOf({ status: 'delivered', taskId: 'first', sequence: 1, attempts: makeAttempts(2), replay }),
      { ...task, taskId: 'woken', attempts: makeAttempts(2), replay },
      'past',
    ],
    ['waiting, when another one is the head', lane, recordOf({ sequence: 2, attempts: [] }), task, 'waiting'],
    [
      'new, when it waits for a retry from before the lane',
      empty,
      recordOf({}),
      { ...task, attempts: makeAttempts(1) },
      'new',
    ],
    [
      'new, when it was given up and is asked for again',
      lane,
      recordOf({ status: 'dead', sequence: 1, attempts: makeAttempts(2) }),
      { ...task, taskId: 'again', attempts: makeAttempts(2), replay },
      'new',
    ],
    [
      'new, when it was held before any attempt and is asked for again',
      lane,
      recordOf({ status: 'held', sequence: 1, attempts: [] }),
      { ...task, taskId: 'again', replay: { ...replay, attemptsBefore: 0 } },
      'new',
    ],
    [
      'the head, when the run that is asked for has been claimed',
      claimNew(lane, delivered, { ...task, replay }),
      recordOf({ status: 'dead', sequence: 1, attempts: makeAttempts(2) }),
      { ...task, taskId: 'again', attempts: makeAttempts(2), replay },
      'head',
    ],
  ] as const)('is %s', (_, at, record, one, kind) => {
    expect(placeOf(at, record, { ...one, attempts: [...one.attempts] }).kind).toBe(kind);
  });
});

describe('the head of a lane is over', () => {
  it.each([
    ['not without a record', null, false],
    ['not while it is pending', recordOf({ sequence: 1 }), false],
    ['once it was delivered', delivered, true],
    ['once it was given up', recordOf({ status: 'dead', sequence: 1 }), true],
    ['once another chain, from before the lane, delivered it', recordOf({ status: 'delivered' }), true],
    ['once it was asked for again outside of its lane', recordOf({ status: 'pending', replay }), true],
    ['once a later run of it has a place', recordOf({ sequence: 7, replay }), true],
  ])('%s', (_, record, isOver) => {
    expect(isHeadOver(lane, record, nowMs)).toBe(isOver);
  });

  it('not by the record of an earlier run', () => {
    const again = claimNew(lane, delivered, { ...task, replay });
    const attempts = makeAttempts(2);
    expect(isHeadOver(again, recordOf({ status: 'dead', attempts }), nowMs)).toBe(false);
    const earlier = { redriveId: 'r0', attemptsBefore: 1 };
    expect(isHeadOver(again, recordOf({ status: 'delivered', attempts, replay: earlier }), nowMs)).toBe(
      false,
    );
  });

  it('once it was known as acknowledged, whatever an older chain makes of its record', () => {
    const again = claimNew(lane, delivered, { ...task, replay: { ...replay, attemptsBefore: 1 } });
    const replayed = {
      ...delivered,
      sequence: 2,
      attempts: [...taken, ...taken],
      replay: again.head?.replay ?? null,
    };
    const known = append(again, replayed, other).lane;
    const overwritten = recordOf({ status: 'delivered', attempts: taken });
    expect(isHeadOver(again, overwritten, nowMs)).toBe(false);
    expect(isHeadOver(known, overwritten, nowMs)).toBe(true);
    const late = { ...task, taskId: 'late', attempts: taken, replay: { ...replay, attemptsBefore: 1 } };
    expect(placeOf(known, overwritten, late).kind).toBe('past');
  });

  it('by a record under an earlier number of the same run, once nobody can be at it', () => {
    const head = claimWaiting(lane, delivered, placeAt(3, task));
    expect(isHeadOver(head, delivered, nowMs)).toBe(true);
    expect(isHeadOver(takeTurn(head, 2, nowMs + 1), delivered, nowMs)).toBe(false);
  });

  it('by the record of an older chain that has delivered it since', () => {
    const again = claimNew(lane, delivered, { ...task, replay });
    const record = recordOf({ status: 'delivered', attempts: makeAttempts(1) });
    expect(isHeadOver(again, record, nowMs)).toBe(true);
  });

  it('not by its own record, when two redrives that came at one time share its place', () => {
    const head = { ...lane, head: { ...placeAt(1, task), replay: { redriveId: 'r2', attemptsBefore: 2 } } };
    const record = recordOf({ sequence: 1, attempts: makeAttempts(2), replay });
    expect(isHeadOver(head, record, nowMs)).toBe(false);
  });

  it('not by a run that is as old as its own while an attempt of its turn may last', () => {
    const taken = takeTurn(lane, 1, nowMs + 25_000);
    const beside = { redriveId: 'r1', attemptsBefore: 0 };
    const record = recordOf({ status: 'delivered', attempts: makeAttempts(1), replay: beside });
    expect(isHeadOver(taken, record, nowMs + 24_999)).toBe(false);
    expect(isHeadOver(taken, record, nowMs + 25_000)).toBe(true);
    // What was asked for after its last attempt was over.
    expect(isHeadOver(taken, { ...record, replay: { ...beside, attemptsBefore: 1 } }, nowMs)).toBe(true);
  });
});

describe('numbers', () => {
  const again = { redriveId: 'r1', attemptsBefore: 1 };
  const replayed = claimNew(lane, delivered, { ...task, replay: again });

  it('go up by one with each delivery, whether it has the turn or waits', () => {
    const { lane: longer, place } = append(lane, null, other);
    expect(place.sequence).toBe(2);
    expect(longer).toMatchObject({ given: 2, head: { sequence: 1 }, acknowledged: 0 });
    expect(claimWaiting(longer, delivered, place)).toMatchObject({
      given: 2,
      head: { sequence: 2 },
      acknowledged: 1,
    });
  });

  it.each([
    ['not when it was given up', lane, recordOf({ status: 'dead', sequence: 1 }), 0],
    ['when it was delivered', lane, delivered, 1],
    ['not when a chain of before the lane delivered it', lane, { ...delivered, sequence: undefined }, 0],
    [
      'not when a replay of what was delivered was refused',
      replayed,
      recordOf({ status: 'delivered', sequence: 2, attempts: [...taken, ...makeAttempts(1)], replay: again }),
      1,
    ],
    [
      'not when a replay of what was delivered was not sent',
      replayed,
      recordOf({ status: 'delivered', sequence: 2, attempts: taken, replay: again }),
      1,
    ],
    [
      'when a replay was delivered',
      replayed,
      recordOf({ status: 'delivered', sequence: 2, attempts: [...taken, ...taken], replay: again }),
      2,
    ],
  ] as const)('count as acknowledged: %s', (_, at, { sequence, ...record }, acknowledged) => {
    const head = sequence === undefined ? record : { ...record, sequence };
    expect(claimNew(at, head, other).acknowledged).toBe(acknowledged);
  });

  it('are known as acknowledged before a later run of the same event replaces the record', () => {
    const again = { ...task, replay };
    expect(append(lane, delivered, again).lane.acknowledged).toBe(1);
  });

  it('make another version each time', () => {
    const versions = [
      empty,
      lane,
      append(lane, null, other).lane,
      takeTurn(append(lane, null, other).lane, 1, nowMs),
    ];
    expect(versions.map(({ version }) => version)).toEqual([0, 1, 2, 3]);
  });
});

describe('a turn', () => {
  const taken = takeTurn(lane, 2, nowMs + 25_000);
  it.each([
    ['is taken until its end', recordOf({ sequence: 1 }), nowMs + 24_999, true],
    ['is over at its end', recordOf({ sequence: 1 }), nowMs + 25_000, false],
    [
      'is over once its attempt is on record',
      recordOf({ sequence: 1, attempts: makeAttempts(2) }),
      nowMs,
      false,
    ],
    ['is taken while nothing is on record', null, nowMs, true],
  ])('%s', (_, record, atMs, isTaken) => {
    expect(isTurnTaken(taken, record, atMs)).toBe(isTaken);
  });
});
