import type { z } from 'zod';
import type { NetworkFileSchema } from '../../schemas/network.ts';
import type { ApiClient } from '../helpers/api-client.ts';
import type { Inbox } from '../helpers/receiver.ts';
import type { Tower, TowerOptions } from '../helpers/tower.ts';
import type { FaultWorld } from './fault-world.ts';
import type { PartnerBehaviour } from './partner.ts';
import type { CaseState } from './storage.ts';

export type NetworkInput = z.input<typeof NetworkFileSchema>;
type EndpointInput = NonNullable<NetworkInput['endpoints']>[number];

/** One case while it runs. Its tag names its tower, partner and endpoint. */
export interface Scene {
  readonly world: FaultWorld;
  readonly tag: string;
  readonly inbox: Inbox;
  /** Waits for the condition, up to the case's deadline. */
  until(what: string, condition: () => boolean | Promise<boolean>): Promise<void>;
  state(): CaseState;
  tower(options?: Partial<TowerOptions>): Promise<Tower>;
  /** The case's partner at the HTTP API. */
  partner(): Promise<ApiClient>;
  /** Notes that a caller was told to try again. */
  refused(): void;
}

/** One way of an event, from what causes it to its end. */
export interface Flow {
  readonly name: string;
  /** Types of the events that it makes, one each. Those of the network's load don't count. */
  readonly events: readonly string[];
  /** Of these, what its endpoint gets. Default: all. */
  readonly told?: readonly string[];
  readonly endpoint?: Partial<EndpointInput>;
  /** Seconds after which something of it is due: other cases' is at other times, so that each has calls of its own. */
  readonly dueAfterSeconds?: readonly [least: number, most: number];
  readonly network?: (tag: string, dueAfterSeconds: number) => NetworkInput;
  readonly behaviour?: PartnerBehaviour;
  /** Whether they must arrive in the order in which they happened. */
  readonly ordered?: boolean;
  /** How deliveries of events of a type end. Default `delivered`. */
  readonly endings?: Readonly<Record<string, 'held' | 'dead'>>;
  /** Types of what is told of them: deliveries that were given up, endpoints that were disabled. Once each. Default: nothing. */
  readonly announces?: readonly string[];
  /** Whether it asks for what was delivered once more. */
  readonly repeats?: boolean;
  /** Whether an event is cleaned up on its way. */
  readonly forgets?: boolean;
  /** Messages that are kept with a reason instead. Default 0. */
  readonly quarantined?: number;
  readonly drive: (scene: Scene) => Promise<void>;
  /** What of the state doesn't agree with the events: the answer names it. */
  readonly disagreement?: (state: CaseState) => string | null;
}

/** The only entity of a kind. */
export const entityOf = ({ entities }: CaseState, kind: string) =>
  entities.find((one) => one['kind'] === kind);
