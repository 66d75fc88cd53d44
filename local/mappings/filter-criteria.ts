import * as z from 'zod';
import type { Json } from '../intrinsics.ts';
import { StartError } from '../start-error.ts';

/** FilterCriteria of AWS::Lambda::EventSourceMapping. */
export const FilterCriteriaSchema = z.strictObject({
  Filters: z.array(z.strictObject({ Pattern: z.string() })),
});

type Test = (value: Json | undefined) => boolean;

/**
 * A record passes if it matches one of the patterns. Only exact values, `prefix` and `exists` are known; anything else
 * is a StartError. Source: Lambda, "Filter rule syntax".
 */
export function createFilter(
  criteria: z.infer<typeof FilterCriteriaSchema> | undefined,
): (record: Json) => boolean {
  const tests = (criteria?.Filters ?? []).map(({ Pattern }) => compile(z.json().parse(JSON.parse(Pattern))));
  return (record) => tests.length === 0 || tests.some((test) => test(record));
}

function compile(pattern: Json): Test {
  if (Array.isArray(pattern)) {
    const rules = pattern.map(compileRule);
    return (value) => rules.some((rule) => rule(value));
  }
  if (pattern === null || typeof pattern !== 'object') throw unknown(pattern);
  const fields = Object.entries(pattern).map(([key, below]): [string, Test] => [key, compile(below)]);
  return (value) => {
    const object = value !== null && typeof value === 'object' && !Array.isArray(value) ? value : {};
    return fields.every(([key, test]) => test(object[key]));
  };
}

function compileRule(rule: Json): Test {
  if (rule === null || typeof rule !== 'object') return (value) => value === rule;
  const [[name, argument] = ['', null], ...rest] = Object.entries(rule);
  if (rest.length === 0 && name === 'prefix' && typeof argument === 'string')
    return (value) => typeof value === 'string' && value.startsWith(argument);
  if (rest.length === 0 && name === 'exists' && typeof argument === 'boolean')
    return (value) => (value !== undefined) === argument;
  throw unknown(rule);
}

const unknown = (pattern: Json): StartError =>
  new StartError(
    'filter_pattern',
    `the template filters with ${JSON.stringify(pattern)}, which the local stack can't evaluate: see local/mappings/filter-criteria.ts`,
  );
