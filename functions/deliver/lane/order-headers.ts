import { signatureHeaders } from '../signature.ts';

/** Where a delivery stands in its lane. */
export interface Order {
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
 * contract's body has room for a number: so the numbers have a signature of their own, by the same keys, over
 * `{webhook-id}.{webhook-timestamp}.{sequence}.{previous sequence}`. To a library that is a webhook whose body is
 * `{sequence}.{previous sequence}`.
 */
export function orderHeaders(order: OrderOfAttempt, keys: readonly string[]): Record<string, string> {
  const { id, epochSeconds, sequence, previousSequence } = order;
  const body = Buffer.from(`${sequence}.${previousSequence}`);
  return {
    'towercast-sequence': String(sequence),
    'towercast-previous-sequence': String(previousSequence),
    'towercast-sequence-signature':
      signatureHeaders({ id, epochSeconds, body }, keys)['webhook-signature'] ?? '',
  };
}
