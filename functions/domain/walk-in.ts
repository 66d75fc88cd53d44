import { createHash } from 'node:crypto';
import { timeToBase36 } from '../../schemas/event-id.ts';
import type { Instant } from '../../schemas/primitives.ts';
import { uuidFromHash } from '../../schemas/uuid.ts';

/** What names a tower's message, and so the position that it creates. */
export interface WalkInName {
  towerId: string;
  boot: string;
  seq: number;
  at: Instant;
}

/**
 * The id of the position that a kiosk's walk-in creates: the same each time its message comes, a UUID of version 8 (RFC
 * 9562, section 5.8) over the message's name. It must never change.
 */
export function walkInPositionId({ towerId, boot, seq, at }: WalkInName): string {
  const name = `walk-in|${towerId}|${boot}|${seq}|${timeToBase36(at)}`;
  return uuidFromHash(createHash('sha256').update(name).digest(), 8);
}
