import * as z from 'zod';
import { parseEventId } from '../../schemas/event-id.ts';
import type { ContractName } from '../../schemas/contract.ts';

const StandardBodySchema = z.object({ type: z.string() });
const ReservationStatusBodySchema = z.object({ status: z.string(), reservationId: z.string() });
const LockerOpenBodySchema = z.object({ event: z.string(), data: z.object({ source: z.string() }) });

/** What a partner reads in a body of its contract, in a word or two. Foreign bodies give "?". */
export function readBody(contract: ContractName, body: Buffer): string {
  const json = parseJson(body);
  switch (contract) {
    case 'standard':
      return StandardBodySchema.safeParse(json).data?.type ?? '?';
    case 'reservation-status':
      return ReservationStatusBodySchema.safeParse(json).data?.status ?? '?';
    case 'locker-open':
      return LockerOpenBodySchema.safeParse(json).data?.data.source ?? '?';
  }
}

/** Tower and locker that a `webhook-id` names; null when it is no event's id. */
export function placeOf(webhookId: string): { towerId: string; locker: number | null } | null {
  const key = parseEventId(webhookId);
  if (key === null) return null;
  const separator = key.pk.lastIndexOf('-');
  const locker = Number(key.pk.slice(separator + 1));
  return { towerId: key.pk.slice(0, separator), locker: locker === 0 ? null : locker };
}

function parseJson(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    return undefined;
  }
}
