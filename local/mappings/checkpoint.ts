import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import * as z from 'zod';

const CheckpointSchema = z.object({
  streamArn: z.string(),
  /** Sequence number of the last record done, by shard. */
  shards: z.record(z.string(), z.string()),
});

/** How far a mapping got in a stream, on disk: a restart continues there. */
export class Checkpoint {
  readonly #file: string;
  readonly #streamArn: string;
  readonly #shards: Record<string, string>;

  /** A checkpoint of another stream, such as that of a table that was made anew, counts for nothing. */
  constructor(file: string, streamArn: string) {
    this.#file = file;
    this.#streamArn = streamArn;
    const stored = read(file);
    this.#shards = stored?.streamArn === streamArn ? stored.shards : {};
  }

  get(shardId: string): string | undefined {
    return this.#shards[shardId];
  }

  /** Written beside and renamed, so that a kill at any moment leaves the old one or the new one. */
  set(shardId: string, sequenceNumber: string): void {
    this.#shards[shardId] = sequenceNumber;
    mkdirSync(path.dirname(this.#file), { recursive: true });
    const next = `${this.#file}.next`;
    writeFileSync(next, JSON.stringify({ streamArn: this.#streamArn, shards: this.#shards }));
    renameSync(next, this.#file);
  }
}

function read(file: string): z.infer<typeof CheckpointSchema> | undefined {
  try {
    return CheckpointSchema.parse(JSON.parse(readFileSync(file, 'utf8')));
  } catch {
    return undefined;
  }
}
