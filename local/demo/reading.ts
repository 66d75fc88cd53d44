import * as z from 'zod';
import { parseEventId } from '../../schemas/event-id.ts';
import type { ContractName } from '../../schemas/contract.ts';
import { shortName } from './line.ts';
import { demoLocks } from './network.ts';

const TypedBodySchema = z.object({ type: z.string() });
const ReservationStatusBodySchema = z.object({ status: z.string(), reservationId: z.string() });
const AccessEventBodySchema = z.object({ action: z.string() });
const LockerOpenBodySchema = z.object({ event: z.string(), data: z.object({ source: z.string() }) });

/** What a partner reads in a body of its contract, in a word or two. Foreign bodies give "?". */
export function readBody(contract: ContractName, body: Buffer): string {
  const json = parseJson(body);
  switch (contract) {
    case 'standard':
    case 'cloudevents':
    case 'queue-position':
      return TypedBodySchema.safeParse(json).data?.type ?? '?';
    case 'reservation-status':
      return ReservationStatusBodySchema.safeParse(json).data?.status ?? '?';
    case 'locker-open':
      return LockerOpenBodySchema.safeParse(json).data?.data.source ?? '?';
    case 'message-pointer':
      return body.byteLength === 0 ? 'a message to read' : '?';
    case 'access-event':
      return AccessEventBodySchema.safeParse(json).data?.action ?? '?';
  }
}

/** Where a line puts what a `webhook-id` names: tower and locker, or what else it is about; null for no event's id. */
export function placeOf(webhookId: string): { where: string; locker: number | null } | null {
  const key = parseEventId(webhookId);
  if (key === null) return null;
  const [, kind, id = ''] = /^(booking|position|lock|endpoint)~(.*)$/.exec(key.pk) ?? [];
  const lock = kind === 'lock' ? demoLocks.find(({ lockId }) => lockId === id) : undefined;
  if (lock !== undefined) return { where: lock.towerId, locker: lock.locker };
  if (kind !== undefined) return { where: shortName({ kind: SubjectSchema.parse(kind), id }), locker: null };
  const separator = key.pk.lastIndexOf('-');
  const locker = Number(key.pk.slice(separator + 1));
  return { where: key.pk.slice(0, separator), locker: locker === 0 ? null : locker };
}

const SubjectSchema = z.enum(['booking', 'position', 'lock', 'endpoint']);

function parseJson(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    return undefined;
  }
}
