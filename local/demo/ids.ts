/** Names for what the demo makes. */
export interface Ids {
  /** `RES-MF3K2P1C`: in order of time. */
  reservation(): string;
  /** A whole number, in order of time. */
  numeric(): number;
}

const epochMs = Date.UTC(2026, 0, 1);

/** From the clock, so that a restart can't give a name again; counted on where the clock is too slow. */
export function createIds(now: () => number): Ids {
  const rising = (unitMs: number) => {
    let last = 0;
    return () => {
      last = Math.max(last + 1, Math.floor((now() - epochMs) / unitMs));
      return last;
    };
  };
  const milliseconds = rising(1);
  const tenths = rising(100);
  return {
    reservation: () => `RES-${(epochMs + milliseconds()).toString(36).toUpperCase()}`,
    numeric: tenths,
  };
}
