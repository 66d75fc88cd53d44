import { assert, jsonValue, property } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseExactJson } from '../../../functions/api/exact-json.ts';
import { Problem } from '../../../functions/api/problem.ts';

const faultOf = (text: string): string | undefined => {
  try {
    parseExactJson(text);
  } catch (error) {
    if (error instanceof Problem && error.status === 400) return error.errors[0]?.pointer;
    throw error;
  }
  return undefined;
};
const nested = (levels: number): string => '['.repeat(levels) + ']'.repeat(levels);

describe('JSON of a request', () => {
  it('is its value when that can be written again', () => {
    assert(
      property(jsonValue({ maxDepth: 5 }), (value) => {
        const text = JSON.stringify(value);
        expect(parseExactJson(text)).toEqual(JSON.parse(text));
      }),
    );
  });

  it.each([
    [64, undefined],
    [65, `/body${'/0'.repeat(64)}`],
    [30_000, `/body${'/0'.repeat(64)}`],
  ])('may be nested 64 levels deep: %i', (levels, fault) => {
    expect(faultOf(nested(levels))).toBe(fault);
  });

  it.each([
    ['a value', String.raw`{"a":{"b/c":["x","\ud800"]}}`, '/body/a/b~1c/1'],
    ['a key', String.raw`{"a":{"\udc00":1}}`, '/body/a/\ufffd'],
    ['the whole body', String.raw`"\udfff"`, '/body'],
    ['a whole pair', String.raw`{"\ud83d\ude00":"\ud83d\ude00"}`, undefined],
  ])('has no half of a surrogate pair: %s', (_, text, fault) => {
    expect(faultOf(text)).toBe(fault);
  });

  it.each([
    '12345678901234567890',
    '9007199254740993',
    '-12345678901234567890',
    '0.1000000000000000055511151231257827',
    '1e400',
    '-1e400',
    '1e-400',
  ])('has no number that a double changes: %s', (number) => {
    expect(faultOf(`{"payload":{"list":[1,${number}]}}`)).toBe('/body/payload/list/1');
  });

  it.each(['10.0', '1E1', '100e-1', '-0', '0.0e5', '0.1', '9007199254740992', '1e308', '5e-324', '-2.50'])(
    'has any other number, however it is written: %s',
    (number) => {
      expect(faultOf(`{"payload":[${number}]}`)).toBeUndefined();
    },
  );

  it('is looked at in one go, however long a number is', () => {
    const number = `1${'0'.repeat(30_000)}1`.repeat(2);
    const startedAt = performance.now();
    expect(faultOf(number)).toBe('/body');
    expect(performance.now() - startedAt).toBeLessThan(1_000);
  });
});
