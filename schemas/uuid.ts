/**
 * A UUID over a hash: its first 16 bytes, with the bits that say version and variant. Source: RFC 9562, sections 5.5
 * (version 5) and 5.8 (version 8).
 */
export function uuidFromHash(hash: Buffer, version: 5 | 8): string {
  const bytes = Buffer.from(hash.subarray(0, 16));
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | (version << 4);
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
