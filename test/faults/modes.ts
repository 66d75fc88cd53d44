/** What goes wrong with a call. */
export type Mode =
  /** An error of the service (500), which the SDK retries. */
  | 'fails once'
  | 'fails twice'
  /** Until somebody repairs it: what it stops must rest where an operator sees it, and go on afterwards. */
  | 'fails for ever'
  | 'is throttled'
  /** An error that the SDK doesn't retry. */
  | 'is refused'
  /** A batch of which some entries are done, and others are given back. */
  | 'is done in part'
  /** The same each time, until somebody repairs it. */
  | 'is never done whole'
  /** Another transaction is at one of its items: nothing is done. */
  | 'conflicts'
  /** The same each time, until somebody repairs it. */
  | 'conflicts for ever'
  /** Done, but the connection breaks before the answer. */
  | 'loses its answer'
  /** Neither done nor answered: the caller's own time-out ends it. */
  | 'is never answered'
  /** Done when the caller has given up waiting, after its own next try: late, and out of order. */
  | 'is overtaken'
  | 'happens twice'
  | 'kills before'
  | 'kills after';

export const modes: readonly Mode[] = [
  'fails once',
  'fails twice',
  'fails for ever',
  'is throttled',
  'is refused',
  'is done in part',
  'is never done whole',
  'conflicts',
  'conflicts for ever',
  'loses its answer',
  'is never answered',
  'is overtaken',
  'happens twice',
  'kills before',
  'kills after',
];

/** What lasts until it is lifted. */
const lasting: ReadonlySet<Mode> = new Set(['fails for ever', 'is never done whole', 'conflicts for ever']);

/** After which nothing was done for sure: whoever tries again repeats nothing. */
const harmless: ReadonlySet<Mode> = new Set([
  'fails once',
  'fails twice',
  'is throttled',
  'is done in part',
  'conflicts',
]);

export const isLasting = (mode: Mode): boolean => lasting.has(mode);
export const isHarmless = (mode: Mode): boolean => harmless.has(mode);
export const isKill = (mode: Mode): boolean => mode === 'kills before' || mode === 'kills after';

/** How often it is done to a call of its case. */
export function timesOf(mode: Mode): number {
  if (isLasting(mode)) return Infinity;
  return mode === 'fails twice' ? 2 : 1;
}

const batches = /\.(BatchGetItem|BatchWriteItem|BatchExecuteStatement|SendMessageBatch)\b/;
const writesOfOne = /\.(PutItem|UpdateItem|DeleteItem)\b/;
const transactions = /\.TransactWriteItems\b/;

/** Whether the service can answer such a call so. */
export function appliesTo(mode: Mode, call: string): boolean {
  if (mode === 'is done in part' || mode === 'is never done whole') return batches.test(call);
  if (mode === 'conflicts') return writesOfOne.test(call) || transactions.test(call);
  // A write of one item is tried again by the client, as after an error of the service.
  if (mode === 'conflicts for ever') return transactions.test(call);
  return true;
}
