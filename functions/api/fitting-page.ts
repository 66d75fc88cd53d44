import * as z from 'zod';
import type { Reply } from './operation.ts';
import type { ApiResponse } from './response.ts';

/** Lambda takes 6 MB of an answer, which it counts as JSON: a quote within a text of the body has three backslashes there. */
const maxPayloadBytes = 5_000_000;
/** What a character of a body takes at most: of two to three bytes, or with a backslash before it. */
const maxBytesPerUnit = 3;

const ListSchema = z.object({ items: z.array(z.unknown()) });

export interface PageWork {
  read: (query: Readonly<Record<string, string>>) => Promise<Reply<unknown>>;
  toResponse: (reply: Reply<unknown>) => ApiResponse;
}

/**
 * An answer that Lambda can hand over. A list whose rows are so large that they don't fit is read once more with a lower
 * limit: each list goes on from where it ended, whatever its limit was.
 */
export async function fittingPage(
  { read, toResponse }: PageWork,
  query: Readonly<Record<string, string>>,
): Promise<ApiResponse> {
  let reply = await read(query);
  for (;;) {
    const response = toResponse(reply);
    const bytes = payloadBytes(response);
    const rows = ListSchema.safeParse(reply.body).data?.items.length ?? 0;
    if (bytes <= maxPayloadBytes || rows <= 1) return response;
    const limit = Math.max(1, Math.floor((rows * maxPayloadBytes) / bytes));
    reply = await read({ ...query, limit: String(limit) });
  }
}

/** Of nearly all answers the length alone tells that they fit. */
const payloadBytes = (response: ApiResponse): number =>
  response.body.length * maxBytesPerUnit <= maxPayloadBytes ? 0 : Buffer.byteLength(JSON.stringify(response));
