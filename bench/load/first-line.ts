import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';

/** What a process says first. Never settles if it says nothing. */
export function firstLine(output: Readable): Promise<string> {
  return new Promise((resolve) => {
    createInterface({ input: output }).once('line', resolve);
  });
}
