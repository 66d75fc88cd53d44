/** Those who wait for something that an arrival may bring. They look when told to, never by the clock. */
export class Waiting {
  readonly #looks = new Set<() => void>();

  /** Something arrived: everyone looks again. */
  look(): void {
    for (const look of this.#looks) look();
  }

  /** Resolves with what `find` finds, now or after an arrival. `wanted` is for the error after `timeoutMs`. */
  until<T>(find: () => T | undefined, timeoutMs: number, wanted: () => string): Promise<T> {
    return new Promise((resolve, reject) => {
      const look = () => {
        const found = find();
        if (found === undefined) return;
        clearTimeout(deadline);
        this.#looks.delete(look);
        resolve(found);
      };
      const deadline = setTimeout(() => {
        this.#looks.delete(look);
        reject(new Error(`Waited ${timeoutMs} ms for ${wanted()}`));
      }, timeoutMs);
      this.#looks.add(look);
      look();
    });
  }
}
