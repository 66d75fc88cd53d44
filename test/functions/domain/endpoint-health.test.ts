import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { backlogCleared, backlogMarked, isOfBacklog } from '../../../functions/domain/endpoint-backlog.ts';
import {
  attempted,
  passage,
  probeReturned,
  probeTaken,
  settled,
  trialTaken,
} from '../../../functions/domain/endpoint-breaker.ts';
import {
  begunAnew,
  forgotten,
  isProven,
  isSlow,
  isTroubled,
  madeWell,
  triedAnew,
  type Observation,
} from '../../../functions/domain/endpoint-health.ts';
import { lookAt, stateOf } from '../../../functions/domain/endpoint-state.ts';
import type { EndpointHealth } from '../../../schemas/endpoint-health.ts';
import { instantFromMs, instantToMs } from '../../../schemas/instant.ts';
import { makeHealth, policy } from '../../helpers/health.ts';

const startMs = Date.parse('2026-03-20T09:15:00.000Z');
const at = (seconds: number) => instantFromMs(startMs + seconds * 1_000);
const contextAt = (seconds: number, random = 0.5) => ({
  policy,
  nowMs: startMs + seconds * 1_000,
  random: () => random,
});

/** What an attempt of 100 ms that began at this second says. */
const seen = (kind: Observation['kind'], seconds: number, more: Partial<Observation> = {}): Observation => ({
  kind,
  startedAtMs: startMs + seconds * 1_000,
  durationMs: 100,
  reason: kind === 'failure' ? 'http_500' : null,
  retryAfterMs: null,
  longestStepMs: 86_400_000,
  probe: null,
  replay: false,
  lastSuccessMs: null,
  ...more,
});

/** Health after a failure each second, and what the last of them announced. */
function failing(count: number, health: EndpointHealth = makeHealth()) {
  let announces: string | null = null;
  let current = health;
  for (let second = 0; second < count; second += 1) {
    const step = attempted(current, seen('failure', second), contextAt(second));
    current = step?.health ?? current;
    announces = step?.announces ?? null;
  }
  return { health: current, announces };
}

/** An open breaker with a probe under way that began at the end of its pause. */
function probing() {
  const open = failing(3).health;
  const dueSeconds = (instantToMs(open.openUntil ?? '') - startMs) / 1_000;
  const health = probeTaken(open, contextAt(dueSeconds))?.health ?? open;
  return { open, health, dueSeconds, probe: health.probeUntil };
}

describe('the breaker', () => {
  it('counts failures, and opens and says so at the last that it takes', () => {
    expect(failing(2)).toMatchObject({
      health: { failures: 2, failingSince: at(0), lastFailureAt: at(1), breaker: 'closed' },
      announces: null,
    });
    expect(failing(3)).toMatchObject({
      health: { failures: 3, failingSince: at(0), breaker: 'open', openedAt: at(2), openUntil: at(32) },
      announces: 'endpoint.failing',
    });
  });

  it('lets nothing pass while it is open, then one probe at a time', () => {
    const { open, health, dueSeconds } = probing();
    expect(passage(open, startMs + dueSeconds * 1_000 - 1)).toBe('closed');
    expect(passage(open, startMs + dueSeconds * 1_000)).toBe('probe');
    expect(passage(health, startMs + dueSeconds * 1_000)).toBe('closed');
    expect(probeTaken(health, contextAt(dueSeconds + policy.probeSeconds - 1))).toBeUndefined();
    // A probe that crashed.
    expect(probeTaken(health, contextAt(dueSeconds + policy.probeSeconds))).toBeDefined();
  });

  it('closes on the success of a probe, and says so', () => {
    const { health, dueSeconds, probe } = probing();
    const step = attempted(health, seen('success', dueSeconds, { probe }), contextAt(dueSeconds + 1));
    expect(step).toMatchObject({
      announces: 'endpoint.recovered',
      health: { breaker: 'closed', failures: 0 },
    });
    expect(step?.health).toMatchObject({
      failingSince: null,
      openedAt: null,
      openUntil: null,
      probeUntil: null,
    });
  });

  it('opens for longer on the failure of a probe, and doesn’t say so again', () => {
    const { health, dueSeconds, probe } = probing();
    const step = attempted(health, seen('failure', dueSeconds, { probe }), contextAt(dueSeconds));
    expect(step).toMatchObject({
      announces: null,
      health: { breaker: 'open', probeUntil: null, openUntil: at(dueSeconds + 60), openedAt: at(2) },
    });
  });

  it('opens for twice as long each time, spread by a fifth, never for longer than the longest', () => {
    const pauses = [0, 1, 2, 3, 50].map((openings) => {
      const health = makeHealth({ ...failing(3).health, openings, probeUntil: at(100) });
      return [0, 0.999_999].map((random) => {
        const step = attempted(health, seen('failure', 90, { probe: at(100) }), contextAt(90, random));
        return Math.round(instantToMs(step?.health.openUntil ?? '') - startMs) / 1_000 - 90;
      });
    });
    expect(pauses).toEqual([
      [24, 36],
      [48, 72],
      [96, 120],
      [96, 120],
      [96, 120],
    ]);
  });

  it('stays open for as long as the partner asks, up to the longest step of the schedule', () => {
    const pauses = [45_000, 1_000, 3_600_000, 172_800_000].map((retryAfterMs) => {
      const observation = seen('failure', 3, { retryAfterMs });
      return attempted(failing(2).health, observation, contextAt(3))?.health.openUntil;
    });
    expect(pauses).toEqual([at(48), at(33), at(3_603), at(86_403)]);
  });

  it('takes no news from what was under way when it opened', () => {
    const open = failing(3).health;
    expect(attempted(open, seen('failure', 1), contextAt(3))).toBeUndefined();
    expect(attempted(open, seen('success', 1), contextAt(3))).toBeUndefined();
  });

  it('ignores the failure of a probe whose lease somebody else has by now', () => {
    const { health, dueSeconds, probe } = probing();
    const later = dueSeconds + policy.probeSeconds;
    const next = probeTaken(health, contextAt(later))?.health ?? health;
    expect(attempted(next, seen('failure', dueSeconds, { probe }), contextAt(later))).toBeUndefined();
  });

  it('gives the lease of a probe that was not needed to the next', () => {
    const { health, dueSeconds, probe } = probing();
    const returned = probeReturned(health, probe ?? '')?.health;
    expect(returned?.probeUntil).toBeNull();
    expect(passage(returned, startMs + dueSeconds * 1_000)).toBe('probe');
    expect(probeReturned(health, at(0))).toBeUndefined();
  });
});

describe('an endpoint that says it is gone', () => {
  it('has failed, and is not told to be failing: that it is disabled is told instead', () => {
    let health = failing(policy.failuresToOpen - 1).health;
    for (let second = 2; second < policy.failuresToOpenAtOnce; second += 1) {
      const step = attempted(health, seen('gone', second, { reason: 'http_410' }), contextAt(second));
      expect(step).toMatchObject({ announces: null, health: { breaker: 'closed', failures: second + 1 } });
      health = step?.health ?? health;
    }
    expect(health).toMatchObject({ failingSince: at(0), toldSince: null });
  });

  it('leaves the breaker open as a probe', () => {
    const { health, dueSeconds, probe } = probing();
    const step = attempted(health, seen('gone', dueSeconds, { probe }), contextAt(dueSeconds));
    expect(step).toMatchObject({ announces: null, health: { breaker: 'open', probeUntil: null } });
  });
});

describe('a backlog', () => {
  it('is what came before the breaker closed, until that opens again', () => {
    const { health, dueSeconds, probe } = probing();
    const [before, after] = [at(dueSeconds), at(dueSeconds + 1)];
    expect(isOfBacklog(health, before)).toBe(false);
    const step = attempted(health, seen('success', dueSeconds, { probe }), contextAt(dueSeconds + 1));
    expect(step?.health.closedAt).toBe(after);
    expect(isOfBacklog(step?.health, before)).toBe(true);
    expect(isOfBacklog(step?.health, after)).toBe(false);
    expect(isOfBacklog(makeHealth(), before)).toBe(false);
    const again = failing(3, step?.health).health;
    expect(isOfBacklog(again, before)).toBe(false);
  });

  it('does not follow from failures that opened no breaker', () => {
    const { health } = failing(2);
    expect(attempted(health, seen('success', 2), contextAt(2))?.health.closedAt).toBeNull();
  });
});

describe('failures in a row', () => {
  it('end with a success', () => {
    const { health } = failing(2);
    const well = attempted(health, seen('success', 2), contextAt(2));
    expect(well).toMatchObject({ announces: null, health: { failures: 0, failingSince: null } });
  });

  it('end with a success that was not worth a write', () => {
    const { health } = failing(2);
    const step = attempted(health, seen('failure', 3, { lastSuccessMs: startMs + 2_000 }), contextAt(3));
    expect(step?.health).toMatchObject({ failures: 1, failingSince: at(3), breaker: 'closed' });
    const older = attempted(health, seen('failure', 3, { lastSuccessMs: startMs - 1 }), contextAt(3));
    expect(older?.health).toMatchObject({ failures: 3, breaker: 'open' });
  });

  it('begin anew after two days without any', () => {
    const days = 86_400;
    const second = 2 * days + 2;
    const { health } = failing(2);
    const anew = attempted(health, seen('failure', second), contextAt(second))?.health;
    expect(anew).toMatchObject({ failures: 1, failingSince: at(second), breaker: 'closed' });
    const probe = at(second + 20);
    const open = { ...failing(3).health, probeUntil: probe };
    const later = attempted(open, seen('failure', second, { probe }), contextAt(second))?.health;
    expect(later).toMatchObject({ breaker: 'open', openedAt: at(2), failingSince: at(second) });
    const sooner = attempted(open, seen('failure', 2 * days, { probe }), contextAt(2 * days))?.health;
    expect(sooner).toMatchObject({ failingSince: at(0) });
  });

  it('go on over the longest step of the schedule, early or late, if that is longer', () => {
    const days = 86_400;
    const probe = at(9 * days);
    const open = { ...failing(3).health, probeUntil: probe };
    const failingSince = (second: number, longestStepMs: number) =>
      attempted(open, seen('failure', second, { probe, longestStepMs }), contextAt(second))?.health
        .failingSince;
    expect(failingSince(8.5 * days, 7 * days * 1_000)).toBe(at(0));
    expect(failingSince(9 * days, 7 * days * 1_000)).toBe(at(9 * days));
    expect(failingSince(1.9 * days, 3_600_000)).toBe(at(0));
  });

  it('open the breaker when everybody must have seen the first of them, or when they are very many', () => {
    const cautious = { ...policy, cacheSeconds: 5, failuresToOpenAtOnce: 20 };
    const after = (count: number, everyMs: number) => {
      let health = makeHealth();
      for (let index = 0; index < count; index += 1) {
        const context = { ...contextAt((index * everyMs) / 1_000), policy: cautious };
        // Each of them took long.
        health = attempted(health, seen('failure', -15), context)?.health ?? health;
      }
      return health;
    };
    expect(after(19, 100)).toMatchObject({ failures: 19, breaker: 'closed', countedSince: at(0) });
    expect(after(20, 100)).toMatchObject({ breaker: 'open' });
    expect(after(3, 2_499)).toMatchObject({ breaker: 'closed' });
    expect(after(3, 2_500)).toMatchObject({ breaker: 'open' });
    expect(after(2, 60_000)).toMatchObject({ breaker: 'closed' });
  });

  it('open the breaker if and only if there are enough, whatever came before', () => {
    fc.assert(
      fc.property(fc.array(fc.boolean(), { maxLength: 40 }), (outcomes) => {
        let health = makeHealth();
        let row = 0;
        for (const [second, isSuccess] of outcomes.entries()) {
          const kind = isSuccess ? 'success' : 'failure';
          health = attempted(health, seen(kind, second), contextAt(second))?.health ?? health;
          row = isSuccess ? 0 : row + 1;
          expect(health.breaker).toBe(row >= policy.failuresToOpen ? 'open' : 'closed');
          expect(health.failingSince === null).toBe(row === 0);
        }
      }),
    );
  });

  it('are announced in turns: failing, recovered, failing, … and never while all is well', () => {
    const steps = fc.record({
      isSuccess: fc.boolean(),
      afterSeconds: fc.nat(100),
      asProbe: fc.boolean(),
      startedBefore: fc.nat(30),
    });
    fc.assert(
      fc.property(fc.array(steps, { maxLength: 60 }), (outcomes) => {
        let health = makeHealth();
        let second = 0;
        const announced: string[] = [];
        for (const { isSuccess, afterSeconds, asProbe, startedBefore } of outcomes) {
          second += afterSeconds;
          const lease = asProbe ? probeTaken(health, contextAt(second)) : undefined;
          health = lease?.health ?? health;
          const started = lease === undefined ? second - startedBefore : second;
          const probe = lease?.health.probeUntil ?? null;
          const observation = seen(isSuccess ? 'success' : 'failure', started, { probe });
          const step = attempted(health, observation, contextAt(second));
          health = step?.health ?? health;
          if (step?.announces != null) announced.push(step.announces);
        }
        expect(announced).toEqual(
          announced.map((_, index) => (index % 2 === 0 ? 'endpoint.failing' : 'endpoint.recovered')),
        );
        // One that opens and closes all the time is told to be failing until it has stayed closed.
        const isToldFailing = announced.length % 2 === 1;
        expect(health.toldSince !== null).toBe(isToldFailing);
        expect(health.breaker === 'closed' || isToldFailing).toBe(true);
      }),
    );
  });
});

/** Three failures a second apart, and a success as soon as the breaker lets a probe through; the pause before it. */
function flap(from: EndpointHealth, startSecond: number) {
  const announced: string[] = [];
  let health = from;
  const take = (observation: Observation, second: number) => {
    const step = attempted(health, observation, contextAt(second));
    health = step?.health ?? health;
    if (step?.announces != null) announced.push(step.announces);
  };
  for (let second = startSecond; second < startSecond + 3; second += 1) take(seen('failure', second), second);
  const dueSecond = (instantToMs(health.openUntil ?? '') - startMs) / 1_000;
  health = probeTaken(health, contextAt(dueSecond))?.health ?? health;
  take(seen('success', dueSecond, { probe: health.probeUntil }), dueSecond);
  return { health, announced, pauseSeconds: dueSecond - (startSecond + 2), endSecond: dueSecond };
}

describe('an endpoint that fails and recovers all the time', () => {
  it('is told of twice at most, and gets longer and longer pauses, until it has stayed closed', () => {
    let health = makeHealth();
    let second = 0;
    const rounds = Array.from({ length: 5 }, () => {
      const round = flap(health, second);
      health = round.health;
      second = round.endSecond + 10;
      return { announced: round.announced, pauseSeconds: round.pauseSeconds };
    });
    expect(rounds).toEqual([
      { announced: ['endpoint.failing', 'endpoint.recovered'], pauseSeconds: 30 },
      { announced: ['endpoint.failing'], pauseSeconds: 60 },
      ...Array.from({ length: 3 }, () => ({ announced: [], pauseSeconds: 120 })),
    ]);
    const closed = second - 10;
    const soon = closed + policy.maxOpenSeconds - 1;
    expect(attempted(health, seen('success', soon), contextAt(soon))).toBeUndefined();
    const steady = attempted(health, seen('success', soon + 1), contextAt(soon + 1));
    expect(steady).toMatchObject({ announces: 'endpoint.recovered', health: { toldSince: null } });
    expect(flap(steady?.health ?? health, soon + 2)).toMatchObject({
      announced: ['endpoint.failing', 'endpoint.recovered'],
      pauseSeconds: 30,
    });
  });

  it('has recovered when it has stayed closed, though nothing is sent to it any more', () => {
    const first = flap(makeHealth(), 0);
    const { health, endSecond } = flap(first.health, first.endSecond + 10);
    const end = endSecond + policy.maxOpenSeconds;
    expect(lookAt(health, startMs)).toBe(at(end));
    expect(settled(health, startMs + end * 1_000 - 1)).toBeUndefined();
    const step = settled(health, startMs + end * 1_000);
    expect(step).toMatchObject({ announces: 'endpoint.recovered', health: { toldSince: null } });
    expect(lookAt(step?.health ?? health, startMs)).toBeNull();
    const failed = attempted(health, seen('failure', end - 1), contextAt(end - 1))?.health ?? health;
    expect(settled(failed, startMs + end * 1_000)).toBeUndefined();
    // What is told at once needs no such look.
    expect(lookAt(first.health, startMs)).toBeNull();
  });
});

describe('what is told of an endpoint', () => {
  it('is no more than four events in as long as the longest pause, however it comes and goes', () => {
    const steps = fc.record({ isSuccess: fc.boolean(), afterSeconds: fc.nat(40) });
    fc.assert(
      fc.property(fc.array(steps, { minLength: 20, maxLength: 200 }), (outcomes) => {
        let health = makeHealth();
        let second = 0;
        const toldAt: number[] = [];
        for (const { isSuccess, afterSeconds } of outcomes) {
          second += afterSeconds;
          health = probeTaken(health, contextAt(second))?.health ?? health;
          const observation = seen(isSuccess ? 'success' : 'failure', second, { probe: health.probeUntil });
          const step = attempted(health, observation, contextAt(second));
          health = step?.health ?? health;
          if (step?.announces != null) toldAt.push(second);
        }
        for (const [index, fifthAt] of toldAt.slice(4).entries())
          expect(fifthAt - (toldAt[index] ?? 0)).toBeGreaterThanOrEqual(policy.maxOpenSeconds);
      }),
    );
  });
});

describe('a replay', () => {
  it('says nothing about health', () => {
    const { health } = failing(2);
    const slow = { durationMs: 9_000, replay: true };
    expect(attempted(health, seen('failure', 3, slow), contextAt(3))).toBeUndefined();
    expect(attempted(health, seen('success', 3, slow), contextAt(3))).toBeUndefined();
  });

  it('says as a probe whether the endpoint is back, without being counted', () => {
    const { health, dueSeconds, probe } = probing();
    const as = (kind: Observation['kind']) =>
      attempted(health, seen(kind, dueSeconds, { probe, replay: true }), contextAt(dueSeconds))?.health;
    expect(as('success')).toMatchObject({ breaker: 'closed' });
    // As long a pause as before.
    expect(as('failure')).toEqual({ ...health, openUntil: at(dueSeconds + 30), probeUntil: null });
  });
});

/** Health after an attempt that took so long. */
const slow = (kind: Observation['kind'], second: number, durationMs: number, health = makeHealth()) =>
  attempted(health, seen(kind, second, { durationMs }), contextAt(second))?.health;

describe('slowness', () => {
  it('is marked by a success that takes too long, and by a time-out', () => {
    expect(slow('success', 0, 2_000)).toBeUndefined();
    const marked = slow('success', 0, 2_001);
    expect(marked).toMatchObject({ slowUntil: at(300), failures: 0 });
    expect([isSlow(marked), isTroubled(marked), isProven(marked)]).toEqual([true, true, false]);
    const timeout = seen('failure', 0, { reason: 'timeout', durationMs: 1_500 });
    expect(attempted(makeHealth(), timeout, contextAt(0))?.health).toMatchObject({
      slowUntil: at(300),
      failures: 1,
    });
  });

  it('is over with a request in time that comes late enough', () => {
    const marked = slow('success', 0, 2_001);
    expect(slow('success', 299, 100, marked)).toBeUndefined();
    expect(slow('failure', 299, 100, marked)).toMatchObject({ slowUntil: at(300), failures: 1 });
    const proven = slow('success', 300, 100, marked);
    expect(proven).toMatchObject({ slowUntil: null, provenAt: at(300) });
    expect([isSlow(proven), isProven(proven)]).toEqual([false, true]);
  });

  it('is written once a minute at most', () => {
    const marked = slow('success', 0, 2_001);
    expect(slow('success', 59, 2_001, marked)).toBeUndefined();
    expect(slow('success', 60, 2_001, marked)).toMatchObject({ slowUntil: at(360) });
  });
});

describe('an endpoint that nobody knows', () => {
  it('is tried by one request at a time, until one was in time', () => {
    const trial = trialTaken(makeHealth({ provenAt: null }), contextAt(0))?.health;
    expect(trial).toMatchObject({ probeUntil: at(policy.probeSeconds), breaker: 'closed' });
    const health = trial ?? makeHealth();
    expect(trialTaken(health, contextAt(policy.probeSeconds - 1))).toBeUndefined();
    // One that crashed.
    expect(trialTaken(health, contextAt(policy.probeSeconds))).toBeDefined();
    for (const kind of ['success', 'failure'] as const) {
      const probe = health.probeUntil;
      const proven = attempted(health, seen(kind, 1, { probe }), contextAt(1))?.health;
      expect(proven).toMatchObject({ provenAt: at(1), probeUntil: null });
      expect(trialTaken(proven ?? health, contextAt(2))).toBeUndefined();
    }
    const late = attempted(health, seen('success', 1, { probe: at(20), durationMs: 5_000 }), contextAt(6));
    expect(late?.health).toMatchObject({ provenAt: null, probeUntil: null, slowUntil: at(306) });
    expect(trialTaken(late?.health ?? health, contextAt(7))).toBeUndefined();
  });

  it('costs nothing more once it has proven itself', () => {
    expect(attempted(makeHealth(), seen('success', 1), contextAt(1))).toBeUndefined();
  });
});

describe('the backlog', () => {
  it('is marked anew while deliveries are parked, but not for each', () => {
    const marked = backlogMarked(makeHealth(), startMs)?.health ?? makeHealth();
    expect(marked.backlogAt).toBe(at(0));
    expect(backlogMarked(marked, startMs + 29_999)).toBeUndefined();
    expect(backlogMarked(marked, startMs + 30_000)?.health.backlogAt).toBe(at(30));
  });

  it('is over only when nobody who has seen its mark can park any more', () => {
    const marked = backlogMarked(makeHealth(), startMs)?.health ?? makeHealth();
    expect(backlogCleared(marked, startMs + 119_999)).toBeUndefined();
    expect(backlogCleared(marked, startMs + 120_000)?.health.backlogAt).toBeNull();
    expect(backlogCleared(makeHealth(), startMs)).toBeUndefined();
  });

  it('is looked at when it may be sent: at once, or when the breaker lets a probe pass', () => {
    const now = startMs + 60_000;
    expect(lookAt(makeHealth(), now)).toBeNull();
    expect(lookAt(failing(2).health, now)).toBeNull();
    expect(lookAt(makeHealth({ backlogAt: at(5) }), now)).toBe(at(5));
    expect(lookAt({ ...failing(3).health, backlogAt: at(5) }, now)).toBe(at(32));
    // One that nothing waits for is looked at too: it may have failed for days.
    expect(lookAt(failing(3).health, now)).toBe(at(32));
    const twoDaysLater = now + 2 * 86_400_000;
    expect(lookAt(failing(3).health, twoDaysLater)).toBeNull();
    expect(lookAt({ ...failing(3).health, backlogAt: at(5) }, twoDaysLater)).toBe(at(32));
  });
});

describe('a new start', () => {
  it('forgets all but the backlog, and what was told', () => {
    const health = { ...failing(3).health, slowUntil: at(300), backlogAt: at(5) };
    expect(madeWell(health)?.health).toEqual(
      makeHealth({ backlogAt: at(5), provenAt: null, toldSince: at(0) }),
    );
    expect(madeWell(makeHealth({ backlogAt: at(5) }))).toBeUndefined();
  });

  it('forgets what was told, too, of an endpoint that is gone', () => {
    const health = { ...failing(3).health, backlogAt: at(5) };
    expect(forgotten(health)?.health).toEqual(makeHealth({ backlogAt: at(5), provenAt: null }));
    expect(forgotten(makeHealth({ toldSince: at(0) }))?.health.toldSince).toBeNull();
    expect(forgotten(makeHealth({ backlogAt: at(5) }))).toBeUndefined();
  });
});

describe('an endpoint that was told to be failing, and disabled', () => {
  const enabled = madeWell(failing(3).health)?.health ?? makeHealth();

  it('is told to have recovered by its first success when it is enabled again', () => {
    const step = attempted(enabled, seen('success', 60), contextAt(60));
    expect(step).toMatchObject({ announces: 'endpoint.recovered', health: { toldSince: null } });
    expect(attempted(step?.health ?? enabled, seen('success', 61), contextAt(61))).toBeUndefined();
  });

  it('is not told to have recovered by a probe from before that', () => {
    const { health, dueSeconds, probe } = probing();
    const disabled = madeWell(health)?.health ?? health;
    const late = attempted(disabled, seen('success', dueSeconds, { probe }), contextAt(dueSeconds + 1));
    expect(late?.announces).not.toBe('endpoint.recovered');
    expect((late?.health ?? disabled).toldSince).toBe(at(0));
  });

  it('is told to be failing once more if it fails again', () => {
    expect(failing(3, enabled)).toMatchObject({
      announces: 'endpoint.failing',
      health: { breaker: 'open', toldSince: at(0) },
    });
  });
});

describe('an endpoint that was disabled without having been told to be failing', () => {
  const failed = failing(2).health;

  it.each(['gone', 'failing'])('is told to have recovered, since its disabling was told (%s)', (reason) => {
    const enabled = begunAnew(failed, { disabledReason: reason }, startMs + 30_000)?.health ?? failed;
    expect(enabled).toEqual(makeHealth({ provenAt: null, toldSince: at(0) }));
    // Once by `timers`, say, and once by whoever enables it.
    expect(begunAnew(enabled, { disabledReason: reason }, startMs + 40_000)).toBeUndefined();
    const step = attempted(enabled, seen('success', 60), contextAt(60));
    expect(step).toMatchObject({ announces: 'endpoint.recovered', health: { toldSince: null } });
    expect(failing(3, enabled)).toMatchObject({
      announces: 'endpoint.failing',
      health: { toldSince: at(0) },
    });
  });

  it('has recovered with what is sent again, too, if that is the first that it takes', () => {
    const enabled = begunAnew(failed, { disabledReason: 'gone' }, startMs + 30_000)?.health ?? failed;
    const again = { replay: true };
    expect(attempted(enabled, seen('success', 60, again), contextAt(60))).toMatchObject({
      announces: 'endpoint.recovered',
      health: { toldSince: null },
    });
    // It takes back no failure of what is new.
    const [failure] = [attempted(enabled, seen('failure', 50), contextAt(50))?.health];
    expect(attempted(failure ?? enabled, seen('success', 60, again), contextAt(60))).toBeUndefined();
  });

  it('is told so also when nothing is known of its failures any more', () => {
    const enabled = begunAnew(makeHealth(), { disabledReason: 'gone' }, startMs + 30_000)?.health;
    expect(enabled?.toldSince).toBe(at(30));
  });

  it('is told nothing when somebody had asked for it', () => {
    for (const disabledReason of ['by_request', 'deactivated'])
      expect(begunAnew(failed, { disabledReason }, startMs)?.health).toEqual(makeHealth({ provenAt: null }));
  });
});

describe('an endpoint with another URL', () => {
  it('is tried at once, and has failed since then at the earliest', () => {
    const { health } = probing();
    const other = triedAnew(health, startMs + 100_000)?.health ?? health;
    expect(passage(other, startMs + 100_000)).toBe('probe');
    expect(other).toMatchObject({ breaker: 'open', failingSince: at(100), openings: 0, provenAt: null });
    // What the old one still answers says nothing.
    const { probeUntil: probe } = health;
    const after = attempted(other, seen('failure', 90, { probe }), contextAt(101))?.health;
    expect(after).toMatchObject({ openUntil: at(100), openings: 0, lastFailureAt: at(2) });
  });

  it('is one that nobody knows, and that has not failed', () => {
    expect(triedAnew(failing(2).health, startMs)?.health).toMatchObject({ failures: 0, provenAt: null });
    expect(triedAnew(makeHealth({ provenAt: null }), startMs)).toBeUndefined();
    // A slow one stays where it harms nobody until it has shown that it is not.
    expect(triedAnew(makeHealth({ slowUntil: at(60) }), startMs)?.health.slowUntil).toBe(at(60));
  });
});

describe('what is shown', () => {
  it.each([
    ['healthy', null],
    ['healthy', makeHealth()],
    ['slow', makeHealth({ slowUntil: at(60) })],
    ['slow', makeHealth({ slowUntil: at(-60) })],
    ['failing', failing(1).health],
    ['open', failing(3).health],
    ['recovering', makeHealth({ ...failing(3).health, openUntil: at(0) })],
    ['recovering', makeHealth({ backlogAt: at(0) })],
  ] as const)('is the worst of what is known: %s', (state, health) => {
    expect(stateOf({ status: 'active' }, health, startMs)).toBe(state);
    expect(stateOf({ status: 'disabled' }, health, startMs)).toBe('disabled');
  });
});
