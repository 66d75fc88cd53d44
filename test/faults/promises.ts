import type { Inbox, ReceivedRequest } from '../helpers/receiver.ts';
import type { Flow } from './flow.ts';
import type { CaseState, StoredEvent } from './storage.ts';

/** What a case shows from outside. */
export interface Observed {
  readonly flow: Flow;
  readonly inbox: Inbox;
  /** Whether a stage gave something of it up, and an operator put it back: then what followed has gone ahead. */
  readonly wasPutBack: boolean;
  /** Whether nothing that was done may be done again. */
  readonly mayRepeat: boolean;
}

/** Events that the flow makes: its endpoint's own and what the network's load made are others. */
const eventsOf = ({ flow }: Observed, { events }: CaseState): StoredEvent[] =>
  events.filter(({ type }) => flow.events.includes(type));

const toldOf = (observed: Observed, state: CaseState): StoredEvent[] => {
  const { told = observed.flow.events } = observed.flow;
  return eventsOf(observed, state).filter(({ type }) => told.includes(type));
};

/** Whether all of it has come to its end. */
export const isSettled = (observed: Observed, state: CaseState): boolean =>
  eventsOf(observed, state).length >= observed.flow.events.length &&
  lost(observed, state).length === 0 &&
  (observed.flow.disagreement?.(state) ?? null) === null;

/** What promises 1 to 3 say against a case; empty when they hold. */
export const violations = (observed: Observed, state: CaseState): string[] => [
  ...lost(observed, state),
  ...repeated(observed, state),
  ...toldWrongly(observed, state),
  ...torn(observed, state),
  ...overtaken(observed),
];

/** 1: every event reached its endpoint, or is recorded as what became of it; what could not be read is kept. */
function lost(observed: Observed, state: CaseState): string[] {
  const { flow, inbox } = observed;
  // What a partner only pulls is the same set.
  const unlogged = eventsOf(observed, state)
    // What only a lane tells is in no log.
    .filter((event) => event['test'] === undefined && event.type !== 'sequence.skipped')
    .flatMap(({ id }) => {
      const count = state.logged.filter((other) => other === id).length;
      return count === 1 ? [] : [`${id} is ${count} times in the log`];
    });
  const violations = toldOf(observed, state).flatMap(({ id, type }) => {
    const ending = flow.endings?.[type] ?? 'delivered';
    const record = state.deliveries.find(({ event }) => event.id === id);
    const arrived = ending !== 'delivered' || inbox.accepted.has(id);
    return arrived && record?.status === ending ? [] : [`${id} is ${record?.status ?? 'not recorded'}`];
  });
  const kept = state.quarantined.length;
  const wanted = flow.quarantined ?? 0;
  return [...violations, ...unlogged, ...(kept >= wanted ? [] : [`${kept} of ${wanted} are in quarantine`])];
}

/** 2: one event for each thing that happened; a delivery may repeat, as the same bytes under the same id. */
function repeated(observed: Observed, state: CaseState): string[] {
  const { flow, inbox } = observed;
  const types = eventsOf(observed, state)
    .map(({ type }) => type)
    .sort();
  const wanted = [...flow.events].sort();
  const forgotten = flow.forgets === true ? state.deliveries.map(({ event }) => event.id) : [];
  const known = new Set([...toldOf(observed, state).map(({ id }) => id), ...forgotten]);
  return [
    ...(types.join() === wanted.join() ? [] : [`events ${types.join()} instead of ${wanted.join()}`]),
    ...(state.quarantined.length > (flow.quarantined ?? 0)
      ? [`${state.quarantined.length} are in quarantine`]
      : []),
    ...[...Map.groupBy(inbox.requests, ({ id }) => id)].flatMap(([id, requests]) =>
      strangeness(id, requests, known),
    ),
    ...(observed.mayRepeat ? [] : repeatsIn(inbox)),
    ...(inbox.badSignatures === 0 ? [] : [`${inbox.badSignatures} bad signatures`]),
  ];
}

function strangeness(id: string, requests: readonly ReceivedRequest[], known: ReadonlySet<string>): string[] {
  if (!known.has(id)) return [`a webhook with the id ${id}, which no event has`];
  return new Set(requests.map(bodyOf)).size === 1 ? [] : [`${id} came with different bodies`];
}

const isSuccess = ({ answer }: ReceivedRequest): boolean =>
  typeof answer === 'object' && answer.status >= 200 && answer.status < 300;

/** What was acknowledged comes again only if somebody could not know that. */
function repeatsIn({ requests }: Inbox): string[] {
  const acknowledged = new Set<string>();
  return requests.flatMap((request) => {
    const isAgain = acknowledged.has(request.id);
    if (isSuccess(request)) acknowledged.add(request.id);
    return isAgain ? [`${request.id} came after it was acknowledged`] : [];
  });
}

const bodyOf = ({ body }: ReceivedRequest): string => body.toString('base64');

const announcements: ReadonlySet<string> = new Set(['delivery.dead', 'endpoint.disabled']);

/** 3: what was given up or switched off is told with it, once. */
function toldWrongly({ flow }: Observed, state: CaseState): string[] {
  const told = state.events.filter(({ type }) => announcements.has(type));
  const types = told.map(({ type }) => type).sort();
  const wanted = [...(flow.announces ?? [])].sort();
  const untold = state.deliveries.filter(
    ({ id, status }) => status === 'dead' && !told.some(({ data }) => data['deliveryId'] === id),
  );
  return [
    ...(types.join() === wanted.join() ? [] : [`told of ${types.join()} instead of ${wanted.join()}`]),
    ...untold.map(({ id }) => `${id} is dead, and nobody is told`),
  ];
}

/** 3: state and event are one commit. */
function torn({ flow }: Observed, state: CaseState): string[] {
  const disagreement = flow.disagreement?.(state) ?? null;
  return disagreement === null ? [] : [`state and events don't agree: ${disagreement}`];
}

/** Whoever asks for order gets it: an event is never acknowledged before the one before it, however often each comes. */
function overtaken({ flow, inbox, wasPutBack }: Observed): string[] {
  if (flow.ordered !== true) return [];
  const acknowledged = inbox.requests.filter(isSuccess);
  const firsts = [...Map.groupBy(acknowledged, ({ id }) => id).values()].flatMap(([first]) => first ?? []);
  const sequences = firsts.map(({ headers }) => Number(headers['towercast-sequence']));
  const numbered = sequences.every((sequence, index) => sequence === index + 1);
  // A tower numbers its messages, so that the event's id tells which came first. What was skipped has no such id.
  const published = firsts.flatMap(({ id }) => /_b1-(\d+)$/.exec(id)?.[1] ?? []).map(Number);
  const inOrder = published.every((number, index) => number > (published[index - 1] ?? 0));
  return [
    ...(numbered ? [] : [`came in the order ${sequences.join()}`]),
    ...(inOrder || wasPutBack ? [] : [`came as they were published ${published.join()}`]),
  ];
}
