import { costOf, prices, type PriceName } from './prices.ts';
import { requestsTo, sum, type FunctionFigures } from './measure/function-figures.ts';

/** What was counted while a number of events went through. */
export interface BillCounts {
  readonly events: number;
  /** MQTT messages of towers; an array is one. */
  readonly publications: number;
  /** By logical id. */
  readonly functions: Readonly<Record<string, FunctionFigures>>;
  readonly writeUnits: number;
  readonly readUnits: number;
  /** Receives that brought something, and deletes. */
  readonly pollRequests: number;
  /** Bytes of requests to partners. */
  readonly requestBytes: number;
}

export interface BillItem {
  readonly item: string;
  readonly price: PriceName;
  /** Of the price's unit, for a million events. */
  readonly quantity: number;
  readonly dollars: number;
}

export interface Bill {
  /** The most expensive first. */
  readonly items: readonly BillItem[];
  /** For a million events. */
  readonly dollars: number;
}

/** A function has one vCPU at so much memory, and a share of it below. Source: Lambda, "Configure Lambda function memory". */
const memoryOfOneCpuMb = 1_769;
/** CloudWatch adds this to each log event. Source: PutLogEvents. */
const logOverheadBytes = 26;
const million = 1_000_000;

/** Dollars for a million events like those that were counted. */
export function billOf(counts: BillCounts): Bill {
  const perMillion = million / counts.events;
  const functions = Object.values(counts.functions);
  const item = (name: string, price: PriceName, counted: number): BillItem => ({
    item: name,
    price,
    quantity: counted * perMillion,
    dollars: costOf(price, counted * perMillion),
  });
  const queueRequests = requestsTo('SQS.', functions) + counts.pollRequests;
  const items = [
    item('IoT Core: rule', 'ruleTriggered', counts.publications),
    item('IoT Core: action', 'ruleAction', counts.publications),
    item('Lambda: requests', 'lambdaRequest', sum(functions.map(({ invocations }) => invocations))),
    item('Lambda: duration', 'lambdaDuration', sum(functions.map(gigabyteSeconds))),
    item('DynamoDB: writes', 'writeUnit', counts.writeUnits),
    item('DynamoDB: reads', 'readUnit', counts.readUnits),
    item('SQS: requests', 'standardRequest', queueRequests),
    item('SQS: fair queue', 'fairQueue', queueRequests),
    item('KMS: decrypts', 'kmsRequest', requestsTo('KMS.', functions)),
    item('CloudWatch: logs', 'logs', sum(functions.map(logBytes))),
    item('Data transfer to partners', 'transferOut', counts.requestBytes),
  ].sort((a, b) => b.dollars - a.dollars);
  return { items, dollars: sum(items.map(({ dollars }) => dollars)) };
}

/** As a table shows it: `6.25 M` write request units, `3.10` GB of logs. */
export function quantityOf({ price, quantity }: BillItem): string {
  const { per } = prices[price];
  // Gigabytes are priced by the gigabyte, but counted in bytes.
  if (per > 2 ** 20 && per !== million) return (quantity / per).toFixed(2);
  return quantity < million ? quantity.toFixed(0) : `${(quantity / million).toFixed(2)} M`;
}

export const unitOf = ({ price }: BillItem): string => prices[price].unit;

/** What took CPU here takes longer on the share of a CPU that the memory buys. */
export function gigabyteSeconds({ billedMs, cpuMs, memoryMb }: FunctionFigures): number {
  const slowdown = Math.max(0, memoryOfOneCpuMb / memoryMb - 1);
  return ((billedMs + cpuMs * slowdown) / 1000) * (memoryMb / 1024);
}

/** START, END and REPORT are not written: see lib/typed-function.ts. */
const logBytes = ({ logBytes, logLines }: FunctionFigures): number => logBytes + logLines * logOverheadBytes;
