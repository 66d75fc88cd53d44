import type { Locker, Tower } from '../../schemas/entity.ts';
import { compareInstants, instantToMs } from '../../schemas/instant.ts';
import type { Instant } from '../../schemas/primitives.ts';

/** Whoever closes the door after a pick-up is still the one that held the locker. */
const partingMs = 15 * 60_000;

/**
 * Who hears of what happened at a locker's door at `at`, however late it is told: whoever held the locker then, or had
 * held it until a moment before. The tower's partners when nobody ever did, or has for a while. Nobody when it is not
 * known who did: a later holder has no business with it. Pure.
 */
export function audienceAt(tower: Tower, locker: Locker, at: Instant): string[] {
  const { holderId, previousHolder: previous } = locker;
  if (holderId !== null && !isBeforeHold(locker, at)) return [holderId];
  if (previous === null) return tower.partnerIds;
  if (compareInstants(at, previous.since) < 0) return [];
  if (instantToMs(at) <= instantToMs(previous.until) + partingMs) return [previous.partnerId];
  return holderId === null ? tower.partnerIds : [];
}

/** Whether `at` is before the present holder's time. A holder of unknown beginning always held it. */
export const isBeforeHold = ({ holderId, holderSince }: Locker, at: Instant): boolean =>
  holderId !== null && holderSince !== null && compareInstants(at, holderSince) < 0;

/**
 * The locker held by `partnerId` since `at`, or since its previous holder's end if that is later. A holder's own fact from
 * before its beginning moves that: a tower's clock may be behind ours.
 */
export function holdLocker(locker: Locker, partnerId: string, at: Instant): Locker {
  if (locker.holderId === partnerId && !isBeforeHold(locker, at)) return locker;
  const free = locker.holderId === partnerId ? locker : releaseLocker(locker, at);
  return { ...free, holderId: partnerId, holderSince: latest(at, free.previousHolder?.until) };
}

/** The locker held by nobody since `at`. */
export function releaseLocker(locker: Locker, at: Instant): Locker {
  const { holderId, holderSince, previousHolder: previous } = locker;
  if (holderId === null) return locker;
  const since = holderSince ?? beginning;
  const wentOn = previous?.partnerId === holderId && previous.until === since;
  const previousHolder = {
    partnerId: holderId,
    since: wentOn ? previous.since : since,
    until: latest(at, since),
  };
  return { ...locker, holderId: null, holderSince: null, previousHolder };
}

/** The locker held by nobody since `partnerId` left it: when somebody else's time ended, nobody knows. */
export function leaveLocker(locker: Locker, partnerId: string, at: Instant): Locker {
  if (locker.holderId === partnerId) return releaseLocker(holdLocker(locker, partnerId, at), at);
  return witnessHold({ ...locker, holderId: null, holderSince: null }, partnerId, at);
}

/**
 * The locker with what a fact tells of the past: `partnerId` held it at `at`. How long it did is not guessed, and of whoever
 * seemed to hold it all along only the end stays known. Returns the locker itself when that is no news.
 */
export function witnessHold(locker: Locker, partnerId: string, at: Instant): Locker {
  const { holderId, previousHolder: previous, statusFrom } = locker;
  const isPast = holderId === null || isBeforeHold(locker, at);
  if (!isPast && (holderId === partnerId || statusFrom === null)) return locker;
  const later = isPast ? locker : { ...locker, holderSince: latest(at, statusFrom?.at) };
  if (previous === null || compareInstants(at, previous.until) > 0)
    return { ...later, previousHolder: { partnerId, since: at, until: at } };
  if (previous.partnerId === partnerId || compareInstants(at, previous.since) < 0) return later;
  return { ...later, previousHolder: { ...previous, since: previous.until } };
}

/** Of a holder that was stored without its beginning. */
const beginning: Instant = '1970-01-01T00:00:00.000Z';

const latest = (a: Instant, b: Instant | undefined): Instant =>
  b !== undefined && compareInstants(b, a) > 0 ? b : a;
