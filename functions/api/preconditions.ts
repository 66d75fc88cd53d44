import { Problem } from './problem.ts';

/** Throws 412 when If-Match was sent and names another version than the one that holds. */
export function assertVersion(ifMatch: number | null, version: number): void {
  if (ifMatch === null || ifMatch === version) return;
  throw new Problem(
    412,
    'version_mismatch',
    `It has changed since: the ETag is ${formatEtag(version)} now. Read it again.`,
    { headers: { etag: formatEtag(version) } },
  );
}

export const formatEtag = (version: number): string => `"${version}"`;

/** The version that an If-Match header names; null without one, and for `*`. Throws 400 for any other text. */
export function parseIfMatch(header: string | undefined): number | null {
  if (header === undefined || header.trim() === '*') return null;
  // Proxies that compress a response make its ETag a weak one.
  const version = /^(?:W\/)?"(\d{1,15})"$/.exec(header.trim())?.[1];
  if (version !== undefined) return Number(version);
  throw new Problem(400, 'validation_failed', 'One field is not valid.', {
    errors: [{ pointer: '/header/if-match', detail: 'must be the ETag of one version, such as "3"' }],
  });
}
