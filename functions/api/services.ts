import type { Endpoint, EndpointSecrets } from '../../schemas/endpoint.ts';
import type { Instant } from '../../schemas/primitives.ts';
import type { ReservationPolicy } from '../domain/reservation.ts';
import type { CommitOutcome, CommitUnit } from '../shared/commit.ts';
import type { Counters } from '../shared/counters.ts';
import type { CountBacklog } from '../shared/backlog-count.ts';
import type { DeliveryReader } from '../shared/delivery-reader.ts';
import type { EndpointHealthStore } from '../shared/endpoint-health.ts';
import type { EntityLists } from '../shared/entity-lists.ts';
import type { EntityStore } from '../shared/entity-store.ts';
import type { EventReader } from '../shared/event-reader.ts';
import type { PartnerLogReader } from '../shared/partner-log-reader.ts';
import type { RetryUnit } from '../shared/delivery-retry.ts';
import type { RedriveSource } from '../shared/redrive-source.ts';
import type { RedriveStore } from '../shared/redrive-store.ts';
import type { SecretsOwner } from '../shared/secrets.ts';
import type { TowerDownlink } from '../shared/tower-downlink.ts';
import type { Reply } from './operation.ts';
import type { LongRequests } from './long-requests.ts';

export type { Page, PageRequest } from '../shared/page.ts';

/** What an endpoint's `secrets` field holds, encrypted under partner and endpoint. */
export interface SecretsVault {
  seal(owner: SecretsOwner, secrets: EndpointSecrets): Promise<string>;
  /** Throws TowercastError `secret_unreadable`. */
  open(endpoint: SecretsOwner & Pick<Endpoint, 'secrets'>): Promise<EndpointSecrets>;
}

export interface ApiConfig {
  /** Without a slash at the end. */
  publicBaseUrl: string;
  /** How long a locker-open link works. */
  linkHours: number;
  /** How long a tower may act on an `open` command. */
  commandSeconds: number;
  /** IANA name: the page behind a link shows times in it. */
  operatorTimeZone: string;
  /** How long a rotated signing key signs on beside the new one. */
  keyOverlapSeconds: number;
  /** Plain http to loopback, for receivers on this machine. */
  allowLoopbackHttp: boolean;
  /** TCP ports that endpoints may have. */
  allowedPorts: readonly number[];
  /** Of events and deliveries. */
  retentionDays: number;
  /** Deliveries a second, of a redrive that names no rate. */
  redrivePerSecond: number;
  /** The highest that one may name. */
  redriveMaxPerSecond: number;
  /** How long other functions may go on with an endpoint as they know it. */
  endpointCacheSeconds: number;
  /** How many of one partner may run at a time. */
  redrivesPerPartner: number;
}

/** A commit, and the answer that goes with it: see `commit` below. */
export type AnsweredUnit = CommitUnit & { reply?: Reply<unknown> };

/** What operations need of the world. */
export interface Services {
  entities: EntityStore & EntityLists;
  /**
   * State and its events in one transaction. An operation that creates should give its `reply` too: it is then stored
   * together with what it tells of, so that a repeated Idempotency-Key gets it even if this process dies right after.
   */
  commit: (unit: AnsweredUnit) => Promise<CommitOutcome>;
  events: EventReader;
  deliveries: DeliveryReader;
  secrets: SecretsVault;
  towers: TowerDownlink;
  counters: Counters;
  health: Pick<EndpointHealthStore, 'get' | 'change'>;
  countBacklog: CountBacklog;
  log: PartnerLogReader;
  redrives: Pick<RedriveStore, 'countRunning'>;
  redriveSource: RedriveSource;
  /** As DeliveryRetry has it, with the answer that goes with it, as in `commit`. */
  deliveryRetry: { retry: (unit: RetryUnit & { reply?: Reply<unknown> }) => Promise<boolean> };
  waitingPulls: LongRequests;
  dryRuns: LongRequests;
  /** Lets some milliseconds go by. */
  pause: (ms: number) => Promise<void>;
  now: () => Instant;
  /** A UUID. */
  newId: () => string;
  randomBytes: (size: number) => Buffer;
  policy: ReservationPolicy;
  /** A line for whoever operates this: something went wrong that the caller's answer doesn't show. Never with secrets. */
  warn: (message: string, detail: Readonly<Record<string, unknown>>) => void;
  config: ApiConfig;
}
