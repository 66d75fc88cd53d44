import type { Entity, Tower } from '../../schemas/entity.ts';
import type { DomainEvent } from '../../schemas/event.ts';
import type { Instant } from '../../schemas/primitives.ts';
import type { ReservationPolicy } from '../domain/reservation.ts';
import type { Commit } from '../shared/commit.ts';
import { EntitySet } from '../shared/entity-set.ts';
import { TowercastError } from '../shared/errors.ts';
import { decideMessage, type UnknownReason } from './decide-message.ts';
import { loadEntities, type EntityReader } from './load.ts';
import type { Accepted } from './parse.ts';

export interface CommitMessagesDeps {
  entities: EntityReader;
  commit: Commit;
  policy: ReservationPolicy;
  /** From 0 up to 1. */
  random: () => number;
  sleep: (ms: number) => Promise<void>;
}

export interface MessagesToCommit {
  tower: Tower;
  /** What was loaded for these messages; kept up to date with what is committed. */
  loaded: EntitySet;
  messages: readonly Accepted[];
  receivedAt: Instant;
}

export interface CommittedMessages {
  committed: number;
  /** Messages whose event existed already. */
  repeated: number;
  unknown: UnknownSubject[];
}

/** A message about something that its tower does not have. */
export interface UnknownSubject {
  from: Accepted;
  reason: UnknownReason;
  detail: string;
}

/** A message makes four items at most (token, locker, command, event), so these are 80 of the 100 allowed. */
const maxMessagesPerCommit = 20;
const maxAttempts = 8;
const backoffBaseMs = 25;
const backoffCapMs = 1_000;

/**
 * Decides the messages in their order and commits them, some at a time. A message that was committed before drops out;
 * whatever stood in the way is loaded and decided again. Throws TowercastError `commit_contended` when others keep
 * winning: the retry of the invocation goes on from there.
 */
export async function commitMessages(
  deps: CommitMessagesDeps,
  work: MessagesToCommit,
): Promise<CommittedMessages> {
  const total: CommittedMessages = { committed: 0, repeated: 0, unknown: [] };
  for (let start = 0; start < work.messages.length; start += maxMessagesPerCommit) {
    const messages = work.messages.slice(start, start + maxMessagesPerCommit);
    const done = await commitChunk(deps, { ...work, messages });
    total.committed += done.committed;
    total.repeated += done.repeated;
    total.unknown.push(...done.unknown);
  }
  return total;
}

async function commitChunk(deps: CommitMessagesDeps, work: MessagesToCommit): Promise<CommittedMessages> {
  let { messages } = work;
  let repeated = 0;
  for (let attempt = 1; attempt <= maxAttempts;) {
    const decided = decideAll(deps, { ...work, messages });
    const outcome = await deps.commit({
      changes: [...decided.changes],
      events: decided.decided.map(({ event }) => event),
    });
    if (outcome.kind === 'committed') {
      for (const entity of decided.changes) work.loaded.set({ ...entity, version: entity.version + 1 });
      return { committed: decided.decided.length, repeated, unknown: decided.unknown };
    }
    const repeats = new Set(
      decided.decided.filter(({ event }) => outcome.repeats.has(event.id)).map(({ from }) => from),
    );
    messages = messages.filter((message) => !repeats.has(message));
    repeated += repeats.size;
    if (decided.decided.length === repeats.size) {
      return { committed: 0, repeated, unknown: decided.unknown };
    }
    if (outcome.conflicts || repeats.size === 0) {
      await deps.sleep(deps.random() * Math.min(backoffCapMs, backoffBaseMs * 2 ** attempt));
      attempt += 1;
    }
    // What repeats exist is committed state as well, which may be newer than what was loaded.
    const fresh = await loadEntities(deps.entities, work.tower.towerId, messages);
    for (const entity of fresh) work.loaded.set(entity);
  }
  throw new TowercastError('commit_contended', `gave up after ${maxAttempts} attempts to commit`);
}

interface DecidedMessages {
  decided: { from: Accepted; event: DomainEvent }[];
  changes: EntitySet;
  unknown: UnknownSubject[];
}

/** Each message sees what the ones before it changed; an entity that changes twice is stored once. */
function decideAll({ policy }: CommitMessagesDeps, work: MessagesToCommit): DecidedMessages {
  const { tower, receivedAt } = work;
  const entities = new EntitySet(work.loaded);
  const result: DecidedMessages = { decided: [], changes: new EntitySet(), unknown: [] };
  const note = (entity: Entity) => {
    entities.set(entity);
    result.changes.set(entity);
  };
  for (const from of work.messages) {
    const decision = decideMessage(from, { tower, entities, receivedAt, policy });
    if (decision.kind === 'unknown') result.unknown.push({ ...decision, from });
    if (decision.kind === 'event') {
      result.decided.push({ from, event: decision.event });
      decision.changes.forEach(note);
    }
  }
  return result;
}
