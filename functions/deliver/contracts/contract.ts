import type { Endpoint } from '../../../schemas/endpoint.ts';
import type { DomainEvent } from '../../../schemas/event.ts';

/** What of an endpoint a contract may look at. */
export type ContractEndpoint = Pick<Endpoint, 'method' | 'detail'>;

export interface ContractContext {
  /** IANA name. */
  operatorTimeZone: string;
}

export interface Rendering {
  method: Endpoint['method'];
  /** Lower case names. Signature and credentials are not the contract's. */
  headers: Record<string, string>;
  /** Exactly what is signed and sent. */
  body: Uint8Array;
}

/**
 * A wire format, as a pure function. Null when the contract has no way to say this event (see
 * schemas/contract-events.ts): then it is not for this endpoint.
 */
export type Contract = (
  event: DomainEvent,
  endpoint: ContractEndpoint,
  context: ContractContext,
) => Rendering | null;

/** A foreign JSON value that was stored as text. Throws SyntaxError for anything else. */
export function parseJsonText(text: string): unknown {
  return JSON.parse(text);
}

/** Compact JSON with the keys in the order given. */
export function renderJson(endpoint: ContractEndpoint, body: object): Rendering {
  return {
    method: endpoint.method,
    headers: { 'content-type': 'application/json' },
    body: Buffer.from(JSON.stringify(body)),
  };
}
