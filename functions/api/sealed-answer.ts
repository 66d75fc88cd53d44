import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';
import * as z from 'zod';
import { TowercastError } from '../shared/errors.ts';
import type { ApiResponse } from './response.ts';

const AnswerSchema = z.object({
  statusCode: z.int(),
  headers: z.record(z.string(), z.string()),
  body: z.string(),
});

const algorithm = 'aes-256-gcm';
const ivBytes = 12;
const tagBytes = 16;

/**
 * An answer at rest. It may hold an endpoint's secret, so it is encrypted under the caller's own Idempotency-Key, of which
 * only a hash is stored: the answer can be read by repeating the request, and in no other way.
 */
export function sealAnswer(answer: ApiResponse, key: string, id: string): Uint8Array {
  const iv = randomBytes(ivBytes);
  const cipher = createCipheriv(algorithm, derive(key, id), iv);
  const text = Buffer.concat([cipher.update(JSON.stringify(answer), 'utf8'), cipher.final()]);
  return Buffer.concat([iv, cipher.getAuthTag(), text]);
}

/** Throws TowercastError `answer_unreadable`. */
export function openAnswer(sealed: Uint8Array, key: string, id: string): ApiResponse {
  try {
    const bytes = Buffer.from(sealed);
    const decipher = createDecipheriv(algorithm, derive(key, id), bytes.subarray(0, ivBytes));
    decipher.setAuthTag(bytes.subarray(ivBytes, ivBytes + tagBytes));
    const text = Buffer.concat([decipher.update(bytes.subarray(ivBytes + tagBytes)), decipher.final()]);
    return AnswerSchema.parse(JSON.parse(text.toString('utf8')));
  } catch {
    throw new TowercastError('answer_unreadable', `the stored answer ${id} can't be read`);
  }
}

const derive = (key: string, id: string): Buffer =>
  Buffer.from(hkdfSync('sha256', key, id, 'towercast idempotent answer', 32));
