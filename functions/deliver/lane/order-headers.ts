import { signatureHeaders, type SigningKey } from '../signature.ts';

/** Where a delivery stands in its lane. */
export interface Order {
  /** The lane's subject, which its numbers count: `0000000000000001-9` is locker 9 of that tower. */
  lane: string;
  sequence: number;
  /** The last one that was acknowledged; 0 when none was. */
  previousSequence: number;
}

export interface OrderOfAttempt extends Order {
  /** The event's id. */
  id: string;
  /** Of this attempt. */
  epochSeconds: number;
}

/**
 * What an ordered delivery carries besides. A Standard Webhooks signature covers id, time and body, and not every
 * contract's body has room for lane and number: so these have a signature of their own, by the same keys, over
 * `{webhook-id}~sequence.{webhook-timestamp}.["{lane}",{sequence},{previous sequence}]`. To a library that is a webhook
 * with JSON for a body. No event has such an id, so that nobody can pass it off as the body of one.
 */
export function orderHeaders(order: OrderOfAttempt, keys: readonly SigningKey[]): Record<string, string> {
  const { id, epochSeconds, lane, sequence, previousSequence } = order;
  const body = Buffer.from(JSON.stringify([lane, sequence, previousSequence]));
  return {
    'towercast-sequence-of': lane,
    'towercast-sequence': String(sequence),
    'towercast-previous-sequence': String(previousSequence),
    'towercast-sequence-signature':
      signatureHeaders({ id: `${id}~sequence`, epochSeconds, body }, keys)['webhook-signature'] ?? '',
  };
}
