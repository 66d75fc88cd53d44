import { styleText } from 'node:util';
import type { EventSubject } from '../../schemas/event-id.ts';

interface Happening {
  at: Date;
  /** A tower, or what else it is about: see `shortName`. */
  where: string;
  /** Null for what is at no locker. */
  locker: number | null;
  /** Event: the type. Delivery: what the partner read, in the words of its contract. */
  what: string;
}

/** Something that a tower, a partner or a timer did. */
export interface EventLine extends Happening {
  kind: 'event';
  detail: string;
}

/** One request that a partner's receiver got. */
export interface DeliveryLine extends Happening {
  kind: 'delivery';
  partnerId: string;
  contract: string;
  /** HTTP status that the receiver answered, or what it did instead. */
  answer: number | 'hang' | 'reset';
  signature: 'ok' | 'bad' | 'unchecked';
  /** From its cause to the receipt; null when the cause was not the demo's own. */
  latencyMs: number | null;
  /** 1 for the first. */
  attempt: number;
}

/** A partner asks back what a delivery was about. */
export interface ReadingLine extends Happening {
  kind: 'reading';
  detail: string;
}

/** Something that whoever watches may do. */
export interface OfferLine extends Happening {
  kind: 'offer';
  detail: string;
}

export type DemoLine = EventLine | DeliveryLine | ReadingLine | OfferLine;

interface Column {
  head: string;
  /** Characters; 0 for the last one. */
  width: number;
  align?: 'right';
}

interface Cell {
  text: string;
  style?: Parameters<typeof styleText>[0];
}

const columns: readonly Column[] = [
  { head: 'time', width: 12 },
  { head: '', width: 2 },
  { head: 'where', width: 16 },
  { head: 'locker', width: 6, align: 'right' },
  { head: 'what', width: 26 },
  { head: 'to', width: 11 },
  { head: 'contract', width: 18 },
  { head: 'answer', width: 6, align: 'right' },
  { head: 'signature', width: 10 },
  { head: 'latency', width: 9, align: 'right' },
  { head: '', width: 0 },
];

/** What is at no tower, in sixteen characters: `booking 3f0a2b1c`. */
export const shortName = ({ kind, id }: Extract<EventSubject, { kind: string }>): string =>
  `${kind} ${id}`.slice(0, 16);

/** One line without its end. Columns are aligned; a value that is wider than its column pushes the rest. */
export function formatLine(line: DemoLine, { colour }: { colour: boolean }): string {
  const rest = line.kind === 'delivery' ? deliveryCells(line) : [{ text: line.detail }];
  return formatCells([...happeningCells(line), ...rest], colour);
}

/** The heads of the columns. */
export const formatHeads = ({ colour }: { colour: boolean }): string =>
  formatCells(
    columns.map(({ head }) => ({ text: head, style: 'dim' })),
    colour,
  );

const markers = {
  event: { text: '●', style: 'cyan' },
  delivery: { text: '└▶', style: 'dim' },
  reading: { text: '◀', style: 'dim' },
  offer: { text: '◆', style: 'yellow' },
} as const satisfies Record<DemoLine['kind'], Cell>;

const happeningCells = (line: DemoLine): Cell[] => [
  { text: localTime(line.at), style: 'dim' },
  markers[line.kind],
  { text: line.where },
  { text: line.locker === null ? '' : String(line.locker) },
  { text: line.what, ...(line.kind === 'event' && { style: 'bold' }) },
];

function deliveryCells({ partnerId, contract, answer, signature, latencyMs, attempt }: DeliveryLine): Cell[] {
  const accepted = typeof answer === 'number' && answer >= 200 && answer <= 299;
  return [
    { text: partnerId },
    { text: contract },
    { text: String(answer), style: accepted ? 'green' : 'red' },
    signatureCells[signature],
    { text: latencyMs === null ? '–' : `${Math.round(latencyMs)} ms` },
    { text: attempt > 1 ? `attempt ${attempt}` : '', style: 'yellow' },
  ];
}

const signatureCells = {
  ok: { text: '✓ verified', style: 'green' },
  bad: { text: '✗ BAD', style: 'red' },
  unchecked: { text: 'unchecked', style: 'yellow' },
} as const satisfies Record<DeliveryLine['signature'], Cell>;

function formatCells(cells: readonly Cell[], colour: boolean): string {
  return cells
    .map((cell, i) => formatCell(cell, columns[i], colour))
    .join('  ')
    .trimEnd();
}

/** Padding stays outside the colour. */
function formatCell({ text, style }: Cell, column: Column | undefined, colour: boolean): string {
  const painted =
    colour && style !== undefined && text !== '' ? styleText(style, text, { validateStream: false }) : text;
  const padding = ' '.repeat(Math.max(0, (column?.width ?? 0) - text.length));
  return column?.align === 'right' ? padding + painted : painted + padding;
}

const digits = (value: number, count = 2) => String(value).padStart(count, '0');

function localTime(at: Date): string {
  const clock = [at.getHours(), at.getMinutes(), at.getSeconds()].map((value) => digits(value)).join(':');
  return `${clock}.${digits(at.getMilliseconds(), 3)}`;
}
