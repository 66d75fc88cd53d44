import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { synthesize } from './synthesized.ts';

const stack = synthesize('dev');
const resources = Object.entries(stack.resources);
const ids = new Set(resources.map(([id]) => id));

/** Logical ids that a value of the template refers to: by Ref, by Fn::GetAtt, or inside Fn::Sub. */
function referencesIn(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(referencesIn);
  const record = z.record(z.string(), z.unknown()).safeParse(value);
  if (!record.success) return [];
  return Object.entries(record.data).flatMap(([key, inner]) => {
    if (key === 'Ref') return [String(inner)];
    if (key === 'Fn::GetAtt') return [String(Array.isArray(inner) ? inner[0] : inner).split('.')[0] ?? ''];
    if (key === 'DependsOn') return [inner].flat().map(String);
    if (key === 'Fn::Sub') return [...JSON.stringify(inner).matchAll(/\$\{(\w+)/g)].map(([, id]) => id ?? '');
    return referencesIn(inner);
  });
}

describe('the order in which CloudFormation makes the resources', () => {
  it('exists: nothing depends on itself, however far around', () => {
    const waiting = new Map(
      resources.map(([id, resource]) => [
        id,
        new Set(referencesIn(resource).filter((other) => ids.has(other))),
      ]),
    );
    for (let made = true; made;) {
      made = false;
      for (const [id, needs] of waiting)
        if ([...needs].every((other) => !waiting.has(other))) made = waiting.delete(id);
    }
    expect([...waiting.keys()]).toEqual([]);
  });

  it('knows every resource that is referred to', () => {
    const pseudo = /^AWS::/;
    const unknown = resources.flatMap(([id, resource]) =>
      referencesIn(resource)
        .filter((other) => !ids.has(other) && !pseudo.test(other) && other !== 'AWS')
        .map((other) => `${id} -> ${other}`),
    );
    expect(unknown).toEqual([]);
  });
});
