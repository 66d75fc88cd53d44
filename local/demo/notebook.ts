import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import * as z from 'zod';
import { LockerNumberSchema, NameSchema, NumericIdSchema, TowerIdSchema } from '../../schemas/primitives.ts';

const place = z.object({ towerId: TowerIdSchema, locker: LockerNumberSchema });
const common = { partnerId: NameSchema, place };

/** A story that holds a locker, as far as it got: a later run reads the rest over the API, and goes on. */
const OpenCaseSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('parcel'), ...common, reservationId: NameSchema, barcode: z.string() }),
  /** A link is shown once only, so that it must be kept. */
  z.object({ kind: z.literal('link'), ...common, requestId: NumericIdSchema, link: z.string() }),
]);
export type OpenCase = z.infer<typeof OpenCaseSchema>;

const NotesSchema = z.array(OpenCaseSchema);

/** What the demo remembers from one run to the next. */
export interface Notebook {
  read(): OpenCase[];
  write(cases: readonly OpenCase[]): void;
}

/** Whole or not at all, at once: a demo that is killed has written what it did. */
export function openNotebook(file: string): Notebook {
  return {
    read() {
      try {
        return NotesSchema.parse(JSON.parse(readFileSync(file, 'utf8')));
      } catch {
        // None yet, or of another version of the demo.
        return [];
      }
    },
    write(cases) {
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(`${file}.new`, JSON.stringify(cases), { mode: 0o600 });
      renameSync(`${file}.new`, file);
    },
  };
}
