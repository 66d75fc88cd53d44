import type * as z from 'zod';
import { Problem, type FieldError } from './problem.ts';

export type RequestPart = 'path' | 'query' | 'body';

/** A problem that names every wrong field of a request, in all of its parts. */
export function validationProblem(parts: Readonly<Record<RequestPart, z.ZodError | undefined>>): Problem {
  const wrong: readonly [RequestPart, z.ZodError | undefined][] = [
    ['path', parts.path],
    ['query', parts.query],
    ['body', parts.body],
  ];
  const errors = wrong.flatMap(([part, error]) =>
    (error?.issues ?? []).flatMap((issue) => fieldErrors(part, issue)),
  );
  const detail = errors.length === 1 ? 'One field is not valid.' : `${errors.length} fields are not valid.`;
  return new Problem(400, 'validation_failed', detail, { errors });
}

function fieldErrors(part: RequestPart, issue: z.core.$ZodIssue): FieldError[] {
  if (issue.code === 'unrecognized_keys')
    return issue.keys.map((key) => ({
      pointer: pointerTo(part, [...issue.path, key]),
      detail: 'is unknown',
    }));
  if (issue.code === 'invalid_union' && issue.errors.length > 0) {
    // The variant that came closest says more than "invalid input".
    const closest = issue.errors.toSorted((a, b) => a.length - b.length)[0] ?? [];
    return closest.flatMap((inner) => fieldErrors(part, { ...inner, path: [...issue.path, ...inner.path] }));
  }
  const isMissing = issue.code === 'invalid_type' && issue.message.endsWith('received undefined');
  return [{ pointer: pointerTo(part, issue.path), detail: isMissing ? 'is required' : issue.message }];
}

/** JSON pointer; RFC 6901 escapes `~` and `/`. */
export const pointerTo = (part: RequestPart, path: readonly PropertyKey[]): string =>
  ['', part, ...path.map((key) => String(key).replaceAll('~', '~0').replaceAll('/', '~1'))].join('/');
