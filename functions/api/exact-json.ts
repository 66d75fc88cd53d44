import * as z from 'zod';
import { invalidField } from './problem.ts';
import { pointerTo, type RequestPart } from './validation-problem.ts';

const maxDepth = 64;

/**
 * JSON as its value, when it can be stored and sent on as it came. Throws a SyntaxError for what is no JSON, and a 400
 * problem that names the first place with: more than 64 levels (what walks it later may recurse); text with half a
 * surrogate pair, which UTF-8 can't express, so DynamoDB refuses it; a number that a double would change.
 */
export function parseExactJson(text: string): unknown {
  const value: unknown = JSON.parse(text);
  inspect(value);
  // Only now: JSON.parse recurses when it has a reviver.
  inspect(JSON.parse(text, markInexact));
  return value;
}

/** Refuses half surrogate pairs in parameters. API Gateway decodes them, and promises nothing. */
export function assertWellFormed(part: RequestPart, fields: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries(fields))
    if (!name.isWellFormed() || !value.isWellFormed()) throw notText([part, name]);
}

interface Place {
  value: unknown;
  /** From the root; its length is the depth. */
  path: readonly string[];
}

function inspect(root: unknown): void {
  const places: Place[] = [{ value: root, path: [] }];
  for (let place = places.pop(); place !== undefined; place = places.pop()) {
    const { value, path } = place;
    if (path.at(-1)?.isWellFormed() === false) throw notText(['body', ...path]);
    if (typeof value === 'string' && !value.isWellFormed()) throw notText(['body', ...path]);
    if (value === inexact)
      throw wrong(['body', ...path], 'is a number that would change; send its digits as a string');
    if (typeof value !== 'object' || value === null) continue;
    if (path.length >= maxDepth)
      throw wrong(['body', ...path], `is nested more than ${maxDepth} levels deep`);
    for (const [key, inner] of Object.entries(value)) places.push({ value: inner, path: [...path, key] });
  }
}

const notText = (path: readonly [RequestPart, ...string[]]) =>
  wrong(path, 'is no well-formed Unicode text: half of a surrogate pair');

const wrong = ([part, ...path]: readonly [RequestPart, ...string[]], detail: string) =>
  invalidField(pointerTo(part, path).toWellFormed(), detail);

/** Stands for a number that is not what was written. */
const inexact = Symbol('inexact');

const ContextSchema = z.object({ source: z.string() });

/** A reviver; its third argument is of "JSON.parse source text access" (ECMAScript proposal, in Node since 21). */
function markInexact(_key: string, value: unknown, ...context: unknown[]): unknown {
  if (typeof value !== 'number') return value;
  const { source } = ContextSchema.parse(context[0]);
  return Number.isFinite(value) && decimalOf(source) === decimalOf(String(value)) ? value : inexact;
}

/** One text for each decimal value: `10.0`, `1e1` and `10` are `1e1`. */
function decimalOf(number: string): string {
  const { sign = '', whole = '', fraction = '', exponent = '0' } = numberPattern.exec(number)?.groups ?? {};
  const digits = (whole + fraction).replace(/^0+/, '');
  if (digits === '') return '0';
  // No pattern: they would look at every run of zeros again and again.
  let end = digits.length;
  while (digits[end - 1] === '0') end -= 1;
  return `${sign}${digits.slice(0, end)}e${Number(exponent) - fraction.length + digits.length - end}`;
}

const numberPattern = /^(?<sign>-?)(?<whole>\d+)(?:\.(?<fraction>\d+))?(?:e(?<exponent>[+-]?\d+))?$/i;
