import { readFileSync } from 'node:fs';

/** The JSON samples in a partner document, as compact JSON with their keys in order. */
export function samplesOf(
  seed: 'locker-open' | 'reservation-status' | 'access-event' | 'queue-position',
): string[] {
  const text = readFileSync(new URL(`../../../seeds/${seed}.txt`, import.meta.url), 'utf8');
  // A sample starts with a brace and ends where its braces balance; prose has none.
  const samples: string[] = [];
  let depth = 0;
  let start = 0;
  for (const { index, 0: brace } of text.matchAll(/[{}]/g)) {
    if (brace === '{' && depth === 0) start = index;
    depth += brace === '{' ? 1 : -1;
    if (depth === 0) samples.push(JSON.stringify(JSON.parse(text.slice(start, index + 1))));
  }
  return samples;
}
