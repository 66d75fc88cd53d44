import { toInstant } from '../../schemas/instant.ts';
import { InstantSchema, type Instant } from '../../schemas/primitives.ts';
import { invalidField } from './problem.ts';

/** Event ids hold eight digits of base 36: see event-id.ts. */
const latest = '2059-01-01T00:00:00.000Z';
const earliest = '2000-01-01T00:00:00.000Z';

/** A date-time of a request as an instant. Throws 400 for one that no booking can have. */
export function readTimestamp(timestamp: string, pointer: string): Instant {
  const instant = InstantSchema.safeParse(toInstant(timestamp));
  if (instant.success && instant.data >= earliest && instant.data < latest) return instant.data;
  throw invalidField(pointer, `must be between ${earliest} and ${latest}`);
}
