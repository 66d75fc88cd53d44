import type { Instant } from './primitives.ts';

/** An RFC 3339 date-time (any offset, any fraction) as a UTC instant; digits finer than a microsecond are cut. */
export function toInstant(timestamp: string): Instant {
  const fraction = /\.(\d+)/.exec(timestamp)?.[1] ?? '';
  const seconds = new Date(timestamp.replace(/\.\d+/, '')).toISOString().slice(0, 19);
  const micros = fraction.padEnd(6, '0').slice(0, 6);
  return `${seconds}.${micros.endsWith('000') ? micros.slice(0, 3) : micros}Z`;
}

/** Milliseconds since the epoch, as an instant. */
export function instantFromMs(epochMs: number): Instant {
  return new Date(epochMs).toISOString();
}

/** Milliseconds since the epoch; microseconds are cut. */
export function instantToMs(instant: Instant): number {
  return Date.parse(instant);
}

/** Without its microseconds: instants of one precision sort as text. */
export function inMilliseconds(instant: Instant): Instant {
  return instantFromMs(instantToMs(instant));
}

/** So much later, or earlier when `ms` is negative; microseconds are cut. */
export function addMs(instant: Instant, ms: number): Instant {
  return instantFromMs(instantToMs(instant) + ms);
}

/** Negative when `a` is before `b`, 0 when equal, positive when after; exact to the microsecond. */
export function compareInstants(a: Instant, b: Instant): number {
  const [left, right] = [a, b].map((instant) => instant.slice(0, -1).padEnd(26, '0'));
  return left! < right! ? -1 : left! > right! ? 1 : 0;
}
