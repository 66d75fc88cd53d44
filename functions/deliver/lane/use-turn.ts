import { takeTurn, endTurn, headSequence } from '../../domain/lane.ts';
import { TowercastError } from '../../shared/errors.ts';
import type { LaneChange, LaneWrite } from '../../shared/lane-store.ts';
import type { Step } from '../../shared/lane-turn.ts';
import type { Channel } from '../../shared/queue.ts';
import { scheduleFor } from '../../shared/retry-schedule.ts';
import { decide, noteSettled, settlementDeps, type Postponement } from '../delivery.ts';
import { settle, type Settlement } from '../settlement.ts';
import { afterwards } from './afterwards.ts';
import { look, type LaneDeps, type Situation } from './situation.ts';

/** How the lane comes to have this delivery as its head, if it has not. */
export interface Claim extends LaneChange {
  write: (change: LaneChange) => Promise<LaneWrite>;
}

/** What a turn takes at most besides its attempt: reading secrets, and writing down what came of it. */
const marginMs = 10_000;

/**
 * The attempt of the lane's head: first the lane says whose turn it is and until when, then comes the POST, then its
 * record. Whatever dies in between, nobody else's attempt can come before this delivery is over.
 */
export async function useTurn(deps: LaneDeps, situation: Situation, claim: Claim): Promise<Step> {
  const { endpoint, channel } = situation;
  const task = { ...situation.task, sequence: headSequence(claim.lane) };
  const untilMs = deps.now() + deps.attemptTimeoutMs + marginMs;
  const taken = takeTurn(claim.lane, task.attempts.length + 1, untilMs);
  if ((await claim.write({ lane: taken, seen: claim.seen })) === 'contended') return 'contended';

  const schedule = scheduleFor(endpoint, deps.config);
  const order = { lane: taken.subject, sequence: task.sequence, previousSequence: taken.acknowledged };
  const decided = await decide(fenced(deps, untilMs), task, {
    endpoint,
    schedule,
    channel,
    order,
  });
  if (decided.kind === 'divert') deps.metrics.addMetric('DeliveriesDiverted', 'Count', 1);
  const settlement = withoutPostponement(decided, task.attempts, channel);
  const settled = await settle(settlementDeps(deps, schedule), task, settlement);
  noteSettled(deps, task, settlement, settled);
  // Another chain of this delivery is further.
  if (settled !== 'recorded') return afterwards(deps, await look(deps, { task, channel }));
  if (settlement.kind === 'retry' || settlement.kind === 'parked') {
    const wasUsed = settlement.attempts.length > task.attempts.length;
    // Contended: then it is somebody else's turn already.
    if (!wasUsed) await deps.lanes.write({ lane: endTurn(taken), seen: taken });
    return 'done';
  }
  // Nothing waits, as a rule.
  if (settlement.kind !== 'dead' && taken.given === task.sequence) return 'done';
  return afterwards(deps, await look(deps, { task, channel }));
}

/** What comes too late for its turn isn't sent: somebody else may have it by now. */
function fenced(deps: LaneDeps, untilMs: number): LaneDeps {
  return {
    ...deps,
    http: {
      async post(request) {
        if (deps.now() + deps.attemptTimeoutMs > untilMs)
          throw new TowercastError('turn_over', 'the turn in its lane was over before the request');
        return deps.http.post(request);
      },
    },
  };
}

/** Followers have to see that their head waits, so this has a record, other than outside of lanes. */
function withoutPostponement(
  decided: Settlement | Postponement,
  attempts: Settlement['attempts'],
  channel: Channel,
): Settlement {
  if (decided.kind === 'later') {
    const { delaySeconds, reason, slotAt } = decided;
    // A queue that keeps order delays nothing.
    const via = channel === 'slow' ? 'slow' : 'live';
    return { kind: 'retry', attempts, delayMs: delaySeconds * 1_000, reason, slotAt, via };
  }
  // By then this turn was given back: who came sooner would look again much later.
  if (decided.kind === 'divert') return { kind: 'retry', attempts, delayMs: 1_000, via: 'slow' };
  return decided;
}
