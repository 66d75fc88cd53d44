import { describe, expect, it } from 'vitest';
import { createFilter } from '../../../local/mappings/filter-criteria.ts';

const filter = (...patterns: unknown[]) =>
  createFilter({ Filters: patterns.map((pattern) => ({ Pattern: JSON.stringify(pattern) })) });

describe('filter criteria', () => {
  it('let everything through when there are none', () => {
    expect(createFilter(undefined)({ a: 1 })).toBe(true);
  });

  it('need every field of a pattern, and one of its patterns', () => {
    const passes = filter(
      { eventName: ['INSERT', 'MODIFY'], dynamodb: { Keys: { pk: { S: ['x'] } } } },
      { eventName: ['REMOVE'] },
    );
    expect(passes({ eventName: 'INSERT', dynamodb: { Keys: { pk: { S: 'x' } } } })).toBe(true);
    expect(passes({ eventName: 'INSERT', dynamodb: { Keys: { pk: { S: 'y' } } } })).toBe(false);
    expect(passes({ eventName: 'INSERT' })).toBe(false);
    expect(passes({ eventName: 'REMOVE' })).toBe(true);
  });

  it('know prefix and exists', () => {
    expect(filter({ a: [{ prefix: 'ab' }] })({ a: 'abc' })).toBe(true);
    expect(filter({ a: [{ prefix: 'ab' }] })({ a: 'bab' })).toBe(false);
    expect(filter({ a: [{ exists: false }] })({})).toBe(true);
    expect(filter({ a: [{ exists: true }] })({})).toBe(false);
  });

  it('refuse any other rule by its text', () => {
    expect(() => filter({ a: [{ 'anything-but': ['x'] }] })).toThrow(/anything-but/);
    expect(() => filter({ a: 'x' })).toThrow(/"x"/);
  });
});
