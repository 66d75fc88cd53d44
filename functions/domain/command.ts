import type { Command, CommandOutcome, Token } from '../../schemas/entity.ts';
import type { CommandData, DomainEvent } from '../../schemas/event.ts';
import { compareInstants, instantFromMs, instantToMs } from '../../schemas/instant.ts';
import type { Instant } from '../../schemas/primitives.ts';
import type { OpenCommand } from '../../schemas/tower-command.ts';
import { toEvent, type Decision } from './event.ts';

/** What a tower does just before the expiry it may tell for this long after. */
const answerMs = 15_000;

export interface OpeningOrder {
  commandId: string;
  now: Instant;
  /** How long the tower may act on it. */
  lifeMs: number;
}

/** A command to open the token's locker, with its event. Commit it before it is published. */
export function orderOpening(token: Token, { commandId, now, lifeMs }: OpeningOrder) {
  const expiresAtMs = instantToMs(now) + lifeMs;
  const command: Command = {
    kind: 'command',
    commandId,
    partnerId: token.partnerId,
    towerId: token.towerId,
    locker: token.locker,
    requestId: token.requestId,
    tokenId: token.tokenId,
    sentAt: now,
    expiresAt: instantFromMs(expiresAtMs),
    outcome: null,
    reason: null,
    settledAt: null,
    dueAt: instantFromMs(expiresAtMs + answerMs),
    version: 0,
  };
  return { command, event: commandEvent(command, 'command.sent', { cause: 'api', at: now, now }) };
}

/** As the tower reads it. */
export const openCommandOf = ({ commandId, locker, tokenId, expiresAt }: Command): OpenCommand => ({
  commandId,
  type: 'open',
  locker,
  tokenId,
  expiresAt,
});

/** The command with its outcome. It never gets another: null when it has one. */
export function settle(
  command: Command,
  outcome: CommandOutcome,
  settledAt: Instant,
  reason: string | null = null,
): Command | null {
  return command.outcome === null ? { ...command, outcome, reason, settledAt, dueAt: null } : null;
}

export const isOverdue = (command: Command, now: Instant): boolean =>
  command.outcome === null && command.dueAt !== null && compareInstants(command.dueAt, now) <= 0;

/**
 * What a command without an answer came to, once it is due; null before, or when it is settled. A tower that has not been
 * heard of since the command was sent was offline, and does not act on it any more: `expired`. One that lives and
 * said nothing of it leaves us in the dark: `unknown`.
 */
export function settleOverdue(command: Command, now: Instant, lastSeenAt: Instant | null): Decision | null {
  if (command.dueAt === null || !isOverdue(command, now)) return null;
  const wasHeard = lastSeenAt !== null && compareInstants(lastSeenAt, command.sentAt) > 0;
  const settled = settle(command, wasHeard ? 'unknown' : 'expired', command.dueAt);
  if (settled === null) return null;
  const type = wasHeard ? 'command.unknown' : 'command.expired';
  return {
    changes: [settled],
    events: [commandEvent(settled, type, { cause: 'timer', at: command.dueAt, now })],
  };
}

/** What a tower says of a command, by its own clock. */
export interface CommandResult {
  outcome: 'opened' | 'refused';
  reason: string | null;
  at: Instant;
  receivedAt: Instant;
}

/**
 * A tower's answer. Null when the command has its outcome: that stands, whatever is said of it later; that a locker was
 * opened all the same is told by the use of its token.
 */
export function settleByResult(command: Command, result: CommandResult): Decision | null {
  const { outcome, reason, at, receivedAt } = result;
  const settled = settle(command, outcome, at, reason);
  if (settled === null) return null;
  const event = commandEvent(settled, `command.${outcome}`, { cause: 'tower', at, now: receivedAt });
  return { changes: [settled], events: [event] };
}

const describeCommand = (command: Command): CommandData => ({
  commandId: command.commandId,
  requestId: command.requestId,
  tokenId: command.tokenId,
  expiresAt: command.expiresAt,
  outcome: command.outcome,
  reason: command.reason,
});

/** `command` has the version it was loaded at: the event is named by the one that the commit gives it. */
function commandEvent(
  command: Command,
  type: 'command.sent' | `command.${CommandOutcome}`,
  { cause, at, now }: { cause: 'api' | 'timer' | 'tower'; at: Instant; now: Instant },
): DomainEvent {
  const { towerId, locker, partnerId, commandId, version } = command;
  return toEvent(
    {
      occurredAt: at,
      receivedAt: now,
      cause,
      late: false,
      towerId,
      locker,
      partnerIds: [partnerId],
      source: { entity: 'command', id: commandId, version: version + 1 },
    },
    { type, data: describeCommand(command) },
  );
}
