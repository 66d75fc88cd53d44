import type { TowerMessage } from '../../../schemas/tower-message.ts';
import type { ApiAnswer, ApiRequest } from '../api-client.ts';
import type { EventName } from '../event-name.ts';
import type { Place } from '../network.ts';
import type { OpenCase } from '../notebook.ts';
import type { TowerReport } from '../tower.ts';

/** An event that a request caused, as its line shows it. */
export interface Told {
  name: EventName;
  /** A tower, or what else it is about. */
  where: string;
  locker: number | null;
  /** The event's type. */
  what: string;
  detail: string;
}

/** A tower publishes: one message, or what it kept while it was offline. */
export interface Report {
  kind: 'report';
  towerId: string;
  reports: TowerReport[];
  say: string;
  /** For a message that says less of its event than there is to know. */
  about?: { name?: EventName; locker: number };
}

/** Somebody uses the HTTP API. */
export interface Call {
  kind: 'call';
  /** OIDC client; null for the public. */
  clientId: string | null;
  request: ApiRequest;
  /** Asked right after, as a partner: what the first answer leaves open. */
  followUp?: { clientId: string; request: ApiRequest };
  /** What the answer to the last request tells. */
  tell: (answer: ApiAnswer) => Told[];
  /** What a later run must know to go on from here, if it holds a locker now. */
  open?: (answer: ApiAnswer) => OpenCase;
}

/** A link for whoever watches the demo. */
export interface Offer {
  kind: 'offer';
  place: Place;
  /** Of the page, below the API's address. */
  path: string;
  flow: 'dropoff' | 'pickup';
}

/** One thing that happens in the demo network. */
export type Step =
  | Report
  | Call
  | Offer
  /** Nothing happens here for a while. */
  | { kind: 'wait'; seconds: number };

/** What came of a step. */
export type Outcome =
  | { kind: 'published'; messages: readonly TowerMessage[] }
  | { kind: 'answered'; answer: ApiAnswer }
  | { kind: 'nothing' };

/** What happens at a locker or elsewhere, step by step. Other stories go on between the steps. */
export type Story<Result = void> = Generator<Step, Result, Outcome>;

/** Chance in the demo: a number from 0 to below 1. */
export type Random = () => number;

export const pause = (random: Random): Step => ({ kind: 'wait', seconds: 4 + Math.floor(random() * 12) });

type LockerReport = Extract<TowerReport, { locker: number }>;
type WithoutLocker<R> = R extends LockerReport ? Omit<R, 'locker'> : never;
/** What a tower says of a locker. */
export type LockerFact = WithoutLocker<LockerReport>;

export const report = ({ towerId, locker }: Place, fact: LockerFact, say: string): Step => ({
  kind: 'report',
  towerId,
  reports: [{ ...fact, locker }],
  say,
});

export function* publish(step: Omit<Report, 'kind'>): Story<TowerMessage> {
  const outcome = yield { kind: 'report', ...step };
  const message = outcome.kind === 'published' ? outcome.messages[0] : undefined;
  if (message === undefined) throw new TypeError('a report comes to messages');
  return message;
}

export function* ask(call: Omit<Call, 'kind'>): Story<ApiAnswer> {
  const outcome = yield { kind: 'call', ...call };
  if (outcome.kind !== 'answered') throw new TypeError('a call comes to an answer');
  return outcome.answer;
}

/** Nothing happened, as far as anybody is told. */
export const nothingTold = (): Told[] => [];
