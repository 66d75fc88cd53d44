import { parseExactJson } from './exact-json.ts';
import type { OperationDescription } from './operation.ts';
import { Problem } from './problem.ts';
import type { ApiRequest } from './request.ts';

const defaultMaxBytes = 64 * 1024;

/** The body as a value, undefined when there is none. Throws 400, 413 or 415, which don't quote it. */
export function readBody(
  request: Pick<ApiRequest, 'body' | 'headers'>,
  { bodyType = 'json', maxBodyBytes = defaultMaxBytes }: OperationDescription,
): unknown {
  const { body, headers } = request;
  if (body.length === 0) return undefined;
  if (body.length > maxBodyBytes)
    throw new Problem(413, 'body_too_large', `The body may have ${maxBodyBytes} bytes at most.`);
  const text = decode(body);
  const mediaType = (headers['content-type'] ?? '').split(';')[0]?.trim().toLowerCase() ?? '';
  return bodyType === 'form' ? readForm(text, mediaType) : readJson(text, mediaType);
}

function decode(body: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(body);
  } catch {
    throw new Problem(400, 'malformed_body', 'The body is not UTF-8 text.');
  }
}

function readJson(text: string, mediaType: string): unknown {
  if (mediaType !== '' && !/^application\/(?:[\w.+-]+\+)?json$/.test(mediaType))
    throw new Problem(415, 'unsupported_media_type', 'Send JSON, with "content-type: application/json".');
  try {
    return parseExactJson(text);
  } catch (error) {
    if (error instanceof Problem) throw error;
    throw new Problem(400, 'malformed_json', 'The body is not valid JSON.');
  }
}

function readForm(text: string, mediaType: string): unknown {
  if (mediaType !== 'application/x-www-form-urlencoded')
    throw new Problem(415, 'unsupported_media_type', 'Send a form, as "application/x-www-form-urlencoded".');
  return Object.fromEntries(new URLSearchParams(text));
}
