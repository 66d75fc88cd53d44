/** What the command line needs of the machine it runs on. */
export interface World {
  args: readonly string[];
  env: Readonly<Record<string, string | undefined>>;
  fetch: typeof globalThis.fetch;
  /** Results. */
  out: (line: string) => void;
  /** Everything that is no result. */
  note: (line: string) => void;
  /** The text of a file; null when there is none. `-` is standard input. */
  read: (file: string) => string | null;
  /** Writes a file that only its owner may read. */
  write: (file: string, text: string) => void;
  remove: (file: string) => void;
  home: string;
  /** Characters in a line; unlimited where no terminal is. */
  columns: number;
  nowMs: () => number;
  /** Resolves after so many milliseconds, or early with false once the user wants to stop. */
  pause: (ms: number) => Promise<boolean>;
}
