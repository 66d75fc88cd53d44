import { StringDecoder } from 'node:string_decoder';
import { maskSecrets } from './mask-secrets.ts';

/**
 * Attempts travel with their task and rest in its record, up to twenty of them and those of replays. What a success says is asked
 * for seldom, and with more of it the record would not fit the kilobyte that one write unit pays for.
 */
const maxExcerptBytes = { delivered: 256, failed: 1_024 } as const;

/** What SQS takes in a message only if it is escaped, and then each takes six bytes: control characters and U+FFFE. */
const unfit = /[^\t\n\r\u0020-\uFFFD\u{10000}-\u{10FFFF}]/gu;

/**
 * The start of a response as text of at most 1,024 bytes in UTF-8, 256 of a success; null when it is empty. Some servers answer with what
 * they were sent: `secrets` are taken out, escaped ones too, and the beginning of one where only a part of the body was read.
 */
export function responseExcerpt(
  { responseBody, responseTruncated }: { responseBody: Uint8Array; responseTruncated: boolean },
  secrets: readonly string[],
  outcome: keyof typeof maxExcerptBytes,
): string | null {
  const maxBytes = maxExcerptBytes[outcome];
  if (responseBody.byteLength === 0) return null;
  const { buffer, byteOffset, byteLength } = responseBody;
  const sent = Buffer.from(buffer, byteOffset, byteLength).toString('utf8');
  const text = maskSecrets(sent, secrets, { isCutOff: responseTruncated });
  // Half a surrogate pair fits neither DynamoDB nor SQS.
  const fit = text.slice(0, maxBytes).toWellFormed().replaceAll(unfit, '\uFFFD');
  // The decoder keeps back a character that the cut has split.
  return new StringDecoder('utf8').write(Buffer.from(fit).subarray(0, maxBytes));
}
