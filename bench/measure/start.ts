import path from 'node:path';
import { copyWorkingTree, startForeignStack } from '../load/foreign-stack.ts';
import { median } from './percentiles.ts';

const starts = 3;

/** Milliseconds from `npm start`, without a demo, to its being ready: the median of fresh starts. */
export async function measureStart(folder: string): Promise<number> {
  const times: number[] = [];
  for (let start = 1; start <= starts; start += 1) {
    const stack = await startForeignStack(copyWorkingTree(path.join(folder, `start-${start}`)), {});
    times.push(stack.readyMs);
    await stack.stop();
  }
  return median(times);
}
