/** A clock that stands still while anything can go on, and then goes to the next thing that waits. */
export function makeVirtualTime(startMs: number) {
  let nowMs = startMs;
  let number = 0;
  const waiting: { atMs: number; number: number; go: () => void }[] = [];
  return {
    now: () => nowMs,
    sleep: (ms: number): Promise<void> =>
      new Promise((go) => {
        waiting.push({ atMs: nowMs + ms, number: (number += 1), go });
      }),
    /** Lets time go by until `isOver`, or until it has reached `endMs`. */
    async run(endMs: number, isOver: () => boolean): Promise<void> {
      while (nowMs < endMs && !isOver()) {
        await new Promise((settle) => setImmediate(settle));
        waiting.sort((a, b) => a.atMs - b.atMs || a.number - b.number);
        const next = waiting.shift();
        if (next === undefined) return;
        nowMs = Math.max(nowMs, next.atMs);
        next.go();
      }
    },
  };
}
export type VirtualTime = ReturnType<typeof makeVirtualTime>;
