import type { TowerProgress } from '../../schemas/entity.ts';
import { instantFromMs, instantToMs } from '../../schemas/instant.ts';
import type { Instant } from '../../schemas/primitives.ts';
import type { QuarantineReason } from '../../schemas/quarantine.ts';
import type { RuleEvent } from '../../schemas/tower-message.ts';
import { gapsOf } from '../domain/tower.ts';
import { EntitySet } from '../shared/entity-set.ts';
import type { QuarantineStore } from '../shared/quarantine.ts';
import { answerTower, type AnswerDeps } from './answer-tower.ts';
import { commitMessages, type CommitMessagesDeps } from './commit-messages.ts';
import { loadEntities } from './load.ts';
import { parsePublication, type Accepted, type Publication, type Rejected } from './parse.ts';
import { bootsOf, recordProgress, type ProgressDeps } from './progress.ts';
import { countReasons, quarantineRecords } from './quarantine-records.ts';

export type ProcessingDeps = CommitMessagesDeps &
  ProgressDeps &
  AnswerDeps & { quarantine: QuarantineStore; clock: () => Instant };

/** What a publication came to, for logs and metrics. */
export interface ProcessingReport {
  towerId: string | null;
  /** Messages in the publication. */
  messages: number;
  committed: number;
  repeated: number;
  quarantined: Map<QuarantineReason, number>;
  /** What is missing of the tower's sequence, where it was answered. */
  gaps: number;
  /** For how long the first of them has been known; null without any. */
  oldestGapSeconds: number | null;
  /** Why the tower could not be answered. */
  downlinkFailures: unknown[];
}

/**
 * Processes one publication. Every step may run again: what is committed is found committed, what is quarantined has
 * the same key. Progress is noted after both, since a tower may forget what is noted.
 */
export async function processPublication(deps: ProcessingDeps, event: RuleEvent): Promise<ProcessingReport> {
  const publication = parsePublication(event);
  const receivedAt = instantFromMs(event.receivedAt);
  const { towerId, accepted, seqs } = publication;

  const view = await loadView(deps, publication);
  const done = await commitAccepted(deps, { publication, view, receivedAt });
  const rejected = [...publication.rejected, ...done.rejected];
  if (rejected.length > 0) {
    const payload = Buffer.from(event.payload, 'base64');
    await deps.quarantine.write(quarantineRecords({ ...event, receivedAt, payload, rejected }));
  }

  let downlinkFailures: unknown[] = [];
  let gaps = 0;
  let oldestGapSeconds: number | null = null;
  // An unknown tower gets no state of its own.
  if (towerId !== null && view.get({ kind: 'tower', towerId }) !== null) {
    const made = await recordProgress(deps, { towerId, seqs, seenAt: receivedAt, loaded: view });
    const isHeartbeat = accepted.some(({ message }) => message.type === 'tower.heartbeat');
    if (publication.isArray || isHeartbeat) {
      gaps = made.reduce((sum, progress) => sum + gapsOf(progress).length, 0);
      oldestGapSeconds = oldestGap(made, receivedAt);
      downlinkFailures = await answerTower(deps, { towerId, made, now: deps.clock() });
    }
  }
  return {
    towerId,
    messages: accepted.length + publication.rejected.length + publication.repeated,
    committed: done.committed,
    repeated: done.repeated + publication.repeated,
    quarantined: countReasons(rejected),
    gaps,
    oldestGapSeconds,
    downlinkFailures,
  };
}

function oldestGap(made: readonly TowerProgress[], now: Instant): number | null {
  const since = made.flatMap(({ gapSince }) => (gapSince === undefined ? [] : [instantToMs(gapSince)]));
  return since.length === 0 ? null : Math.max(0, instantToMs(now) - Math.min(...since)) / 1_000;
}

/** Nothing is read for a publication in which no message can be made out. */
async function loadView(deps: ProcessingDeps, { towerId, accepted, seqs }: Publication): Promise<EntitySet> {
  if (towerId === null || seqs.length === 0) return new EntitySet();
  return loadEntities(deps.entities, towerId, accepted, bootsOf(seqs));
}

interface AcceptedToCommit {
  publication: Publication;
  view: EntitySet;
  receivedAt: Instant;
}

async function commitAccepted(deps: ProcessingDeps, { publication, view, receivedAt }: AcceptedToCommit) {
  const { towerId, accepted: messages } = publication;
  const tower = towerId === null ? null : view.get({ kind: 'tower', towerId });
  if (tower === null) {
    const rejected = messages.map((one) => reject(one, 'unknown_tower', towerId ?? ''));
    return { committed: 0, repeated: 0, rejected };
  }
  const { committed, repeated, unknown } = await commitMessages(deps, {
    tower,
    loaded: view,
    messages,
    receivedAt,
  });
  const rejected = unknown.map(({ from, reason, detail }) => reject(from, reason, detail));
  return { committed, repeated, rejected };
}

const reject = ({ index, raw }: Accepted, reason: QuarantineReason, detail: string): Rejected => ({
  index,
  reason,
  detail,
  raw: raw(),
});
