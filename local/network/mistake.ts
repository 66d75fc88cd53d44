import type * as z from 'zod';

/** One thing to correct in a network file. */
export interface Mistake {
  /** Where, as in `reservations[3].towerId`; empty for the file as a whole. */
  path: string;
  /** What is wrong and what to do. */
  message: string;
}

export const pathText = (path: readonly PropertyKey[]): string =>
  path.reduce<string>((text, step) => {
    if (typeof step === 'number') return `${text}[${step}]`;
    return text === '' ? String(step) : `${text}.${String(step)}`;
  }, '');

/** A zod issue in the words of someone who edits the file; unknown fields make one mistake each. */
export function mistakesOf(issue: z.core.$ZodIssue, file: unknown): Mistake[] {
  if (issue.code === 'unrecognized_keys')
    return issue.keys.map((key) => ({
      path: pathText([...issue.path, key]),
      message: 'is not a field here: remove it or correct its name (docs/network-file.md lists the fields)',
    }));
  const missing = valueAt(file, issue.path) === undefined;
  return [
    { path: pathText(issue.path), message: missing ? `is missing: it ${wanted(issue)}` : wanted(issue) },
  ];
}

function wanted(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      return `must be ${typeText(issue.expected)}`;
    case 'invalid_value':
      return choiceText(issue.values);
    case 'invalid_union':
      return 'options' in issue && issue.options !== undefined ? choiceText(issue.options) : issue.message;
    case 'too_small':
      return `must ${sizeText(issue.origin, `at least ${issue.minimum}`)}`;
    case 'too_big':
      return `must ${sizeText(issue.origin, `at most ${issue.maximum}`)}`;
    case 'invalid_format':
      return issue.format === 'datetime' ? 'must be a time such as "2026-03-22T09:15:00Z"' : issue.message;
    case 'not_multiple_of':
    case 'invalid_key':
    case 'invalid_element':
    case 'unrecognized_keys':
    case 'custom':
      return issue.message;
  }
}

const choiceText = (values: readonly z.core.util.Primitive[]): string => {
  const listed = values.map((value) => JSON.stringify(String(value))).join(', ');
  return values.length === 1 ? `must be ${listed}` : `must be one of ${listed}`;
};

function typeText(expected: string): string {
  switch (expected) {
    case 'string':
      return 'text in quotes';
    case 'int':
      return 'a whole number';
    case 'object':
      return 'an object: { … }';
    case 'array':
      return 'a list: [ … ]';
    default:
      return `a ${expected}`;
  }
}

function sizeText(origin: string, bound: string): string {
  if (origin === 'array') return `have ${bound} entries`;
  return origin === 'string' ? `have ${bound} characters` : `be ${bound}`;
}

function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (at, step) => (typeof at === 'object' && at !== null ? Reflect.get(at, step) : undefined),
    value,
  );
}
