import * as z from 'zod';
import type { ReceivedRequest } from '../helpers/receiver.ts';

const BodySchema = z.object({ timestamp: z.string() });

/** Milliseconds from each event to its receipt, ascending. Of the `standard` contract. */
export const latenciesOf = (requests: readonly ReceivedRequest[]): number[] =>
  requests
    .map(({ arrivedAtMs, body }) => {
      const { timestamp } = BodySchema.parse(JSON.parse(body.toString()));
      return arrivedAtMs - Date.parse(timestamp);
    })
    .sort((a, b) => a - b);

export const quantile = (sorted: readonly number[], part: number): number =>
  sorted[Math.floor(sorted.length * part)] ?? Number.NaN;
