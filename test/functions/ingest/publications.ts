import type { RuleEvent } from '../../../schemas/tower-message.ts';
import { towerId } from '../domain/samples.ts';

export const receivedAtMs = Date.parse('2026-03-20T09:15:01.000Z');

let publications = 0;

/** What the rule hands over when a tower publishes `payload`: text and bytes as they are, anything else as JSON. */
export function ruleEvent(payload: unknown, changes: Partial<RuleEvent> = {}): RuleEvent {
  const bytes =
    typeof payload === 'string' || payload instanceof Uint8Array
      ? Buffer.from(payload)
      : Buffer.from(JSON.stringify(payload));
  publications += 1;
  return {
    payload: bytes.toString('base64'),
    topic: `towers/${towerId}/events`,
    clientId: towerId,
    receivedAt: receivedAtMs,
    traceId: `trace-${publications}`,
    ...changes,
  };
}

/** A message of boot b7, a second apart for each `seq`. */
export const message = (seq: number, type: string, fields: Record<string, unknown> = {}) => ({
  v: 1,
  boot: 'b7',
  seq,
  at: new Date(Date.parse('2026-03-20T09:00:00.000Z') + seq * 1_000).toISOString(),
  type,
  ...fields,
});

export const opened = (seq: number, locker = 9) => message(seq, 'locker.opened', { locker });

export const parcel = (seq: number, fact: string, reservationId = 'RES-123456', locker = 9) =>
  message(seq, `parcel.${fact}`, {
    locker,
    reservationId,
    ...(fact === 'incomplete' && { reason: 'partial' }),
  });
