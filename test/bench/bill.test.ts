import { describe, expect, it } from 'vitest';
import { billOf, gigabyteSeconds, quantityOf, type BillCounts, type BillItem } from '../../bench/bill.ts';
import type { FunctionFigures } from '../../bench/measure/function-figures.ts';
import { costOf, prices } from '../../bench/prices.ts';

const idle: FunctionFigures = {
  invocations: 0,
  errors: 0,
  cpuMs: 0,
  billedMs: 0,
  memoryMb: 1_769,
  logLines: 0,
  logBytes: 0,
  requests: {},
};

const nothing: BillCounts = {
  events: 1_000,
  publications: 0,
  functions: {},
  writeUnits: 0,
  readUnits: 0,
  pollRequests: 0,
  requestBytes: 0,
};

const dollarsOf = (counts: Partial<BillCounts>, item: string): number | undefined =>
  billOf({ ...nothing, ...counts }).items.find((each) => each.item === item)?.dollars;

const shown = (price: BillItem['price'], quantity: number): string =>
  quantityOf({ item: '', price, quantity, dollars: 0 });

describe('the bill', () => {
  it('is for a million events, however many were counted', () => {
    expect(dollarsOf({ events: 1_000, writeUnits: 6_000 }, 'DynamoDB: writes')).toBeCloseTo(6 * 0.625);
    expect(dollarsOf({ events: 500, writeUnits: 3_000 }, 'DynamoDB: writes')).toBeCloseTo(6 * 0.625);
  });

  it('counts a rule and an action for each publication, and no message charge', () => {
    const { dollars } = billOf({ ...nothing, publications: 1_000 });
    expect(dollars).toBeCloseTo(0.15 + 0.15);
  });

  it('counts sends, receives and deletes of queues, each on a fair queue', () => {
    const functions = { FanOut: { ...idle, requests: { 'SQS.SendMessageBatch': 300, 'DynamoDB.Query': 9 } } };
    const counts = { functions, pollRequests: 700 };
    expect(dollarsOf(counts, 'SQS: requests')).toBeCloseTo(0.4);
    expect(dollarsOf(counts, 'SQS: fair queue')).toBeCloseTo(0.1);
  });

  it('adds to log lines what CloudWatch adds', () => {
    const functions = { Ingest: { ...idle, invocations: 10, logLines: 20, logBytes: 5_000 } };
    const bytes = 5_000 + 20 * 26;
    expect(dollarsOf({ functions }, 'CloudWatch: logs')).toBeCloseTo(costOf('logs', bytes * 1_000), 10);
  });

  it('is the sum of its items, the most expensive first', () => {
    const { items, dollars } = billOf({ ...nothing, publications: 1_000, writeUnits: 10, readUnits: 9_000 });
    expect(dollars).toBeCloseTo(items.reduce((sum, item) => sum + item.dollars, 0));
    expect(items.map(({ dollars }) => dollars)).toEqual(
      items.map(({ dollars }) => dollars).toSorted((a, b) => b - a),
    );
    expect(items[0]?.item).toBe('DynamoDB: reads');
  });
});

describe('the duration of a function', () => {
  it('is what was measured where the memory buys a whole CPU', () => {
    const second = { ...idle, billedMs: 1_000, cpuMs: 400, memoryMb: 2_048 };
    expect(gigabyteSeconds(second)).toBeCloseTo(2);
  });

  it('is longer by what its CPU takes on a share of one', () => {
    const half = { ...idle, billedMs: 1_000, cpuMs: 400, memoryMb: 1_769 / 2 };
    expect(gigabyteSeconds(half)).toBeCloseTo((1.4 * (1_769 / 2)) / 1024);
  });
});

describe('a quantity in a table', () => {
  it('is in gigabytes where the price is', () => {
    expect(shown('logs', 3 * 2 ** 30)).toBe('3.00');
    expect(shown('transferOut', 2 ** 29)).toBe('0.50');
  });

  it('is in millions where it has them', () => {
    expect(shown('writeUnit', 6_250_000)).toBe('6.25 M');
    expect(shown('kmsRequest', 17)).toBe('17');
    expect(shown('lambdaDuration', 121_401)).toBe('121401');
  });
});

describe('prices', () => {
  it('each name AWS as their source', () => {
    for (const { source } of Object.values(prices)) expect(source).toMatch(/^https:\/\/aws\.amazon\.com\//);
  });

  it('cost by the unit', () => {
    expect(costOf('kmsRequest', 10_000)).toBeCloseTo(0.03);
    expect(costOf('lambdaDuration', 75_000)).toBeCloseTo(1, 3);
  });
});
