import * as z from 'zod';
import type { Json } from '../intrinsics.ts';

/** Null, nothing, and an empty or null list all mean success. Source: Lambda, "Reporting batch item failures". */
const ResponseSchema = z
  .object({
    batchItemFailures: z
      .array(z.object({ itemIdentifier: z.string().min(1) }))
      .nullish()
      .transform((failures) => failures ?? []),
  })
  .or(z.null().transform(() => ({ batchItemFailures: [] })));

/**
 * Which records of a batch failed by a ReportBatchItemFailures response: `all` if the response has another shape or
 * names a record that isn't in the batch, which Lambda counts as a failure of the whole batch.
 */
export function failedItems(payload: Json, batch: readonly string[]): ReadonlySet<string> | 'all' {
  const response = ResponseSchema.safeParse(payload);
  if (!response.success) return 'all';
  const failed = new Set(response.data.batchItemFailures.map(({ itemIdentifier }) => itemIdentifier));
  return [...failed].every((item) => batch.includes(item)) ? failed : 'all';
}
