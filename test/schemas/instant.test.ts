import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  addMs,
  compareInstants,
  inMilliseconds,
  instantFromMs,
  instantToMs,
  toInstant,
} from '../../schemas/instant.ts';
import { InstantSchema } from '../../schemas/primitives.ts';

const epochMs = fc.integer({ min: 0, max: Date.parse('2100-01-01T00:00:00.000Z') });

const write = ({ ms, micros }: { ms: number; micros: number }) =>
  toInstant(instantFromMs(ms).replace('Z', `${String(micros).padStart(3, '0')}Z`));

describe('instants', () => {
  it.each([
    ['2026-03-20T09:15:00Z', '2026-03-20T09:15:00.000Z'],
    ['2026-03-20T10:15:00.5+01:00', '2026-03-20T09:15:00.500Z'],
    ['2025-04-01T16:02:36.884285+00:00', '2025-04-01T16:02:36.884285Z'],
    ['2025-04-01T16:02:36.8842859Z', '2025-04-01T16:02:36.884285Z'],
    ['2025-12-31T23:30:00.1-02:00', '2026-01-01T01:30:00.100Z'],
  ])('%s is %s', (timestamp, instant) => {
    expect(toInstant(timestamp)).toBe(instant);
    expect(InstantSchema.safeParse(toInstant(timestamp)).success).toBe(true);
  });

  it('survive milliseconds', () => {
    fc.assert(
      fc.property(epochMs, (ms) => {
        expect(instantToMs(instantFromMs(ms))).toBe(ms);
      }),
    );
  });

  it('have milliseconds where one precision is needed, and lose what is finer', () => {
    expect(inMilliseconds('2026-03-20T09:15:00.123999Z')).toBe('2026-03-20T09:15:00.123Z');
    expect(inMilliseconds('2026-03-20T09:15:00.123Z')).toBe('2026-03-20T09:15:00.123Z');
  });

  it.each([
    [1, '2026-03-20T00:00:00.000Z'],
    [-1_000, '2026-03-19T23:59:58.999Z'],
    [0, '2026-03-19T23:59:59.999Z'],
  ])('moved by %d ms are in milliseconds too', (ms, moved) => {
    expect(addMs('2026-03-19T23:59:59.999999Z', ms)).toBe(moved);
  });

  it('compare as their times do, whatever their precision', () => {
    const precise = fc.record({ ms: epochMs, micros: fc.integer({ min: 0, max: 999 }) });
    fc.assert(
      fc.property(precise, precise, (a, b) => {
        const expected = a.ms - b.ms || a.micros - b.micros;
        expect(Math.sign(compareInstants(write(a), write(b)))).toBe(Math.sign(expected));
      }),
    );
  });
});
