import { readFile } from 'node:fs/promises';
import { TowercastError } from '../../functions/shared/errors.ts';
import { NetworkFileSchema, type NetworkFile } from '../../schemas/network.ts';
import { mistakesOf, type Mistake } from './mistake.ts';
import { referenceMistakes } from './references.ts';

/** The message lists every mistake, one a line: it is meant to be shown as it is. */
export class NetworkFileError extends TowercastError {
  readonly mistakes: readonly Mistake[];

  constructor(source: string, mistakes: readonly Mistake[], options?: ErrorOptions) {
    const count = mistakes.length === 1 ? '1 mistake' : `${mistakes.length} mistakes`;
    const lines = mistakes.map(({ path, message }) => `  ${path === '' ? '' : `${path}: `}${message}`);
    super('network_file', [`${source} has ${count}:`, ...lines].join('\n'), options);
    this.name = 'NetworkFileError';
    this.mistakes = mistakes;
  }
}

/** Reads and checks a network file. Throws NetworkFileError, with all mistakes, also when it can't be read. */
export async function readNetworkFile(path: string): Promise<NetworkFile> {
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    const message = `can't be read (${error instanceof Error ? error.message : String(error)})`;
    throw new NetworkFileError(path, [{ path: '', message }], { cause: error });
  });
  return parseNetwork(text, path);
}

/** `source` names the file in the error's message. Throws NetworkFileError. */
export function parseNetwork(text: string, source: string): NetworkFile {
  const file = parseJson(text, source);
  const parsed = NetworkFileSchema.safeParse(file);
  const shape = parsed.success ? [] : parsed.error.issues.flatMap((issue) => mistakesOf(issue, file));
  const mistakes = withoutRepeats([...shape, ...referenceMistakes(file)]);
  if (!parsed.success || mistakes.length > 0) throw new NetworkFileError(source, mistakes);
  return parsed.data;
}

function parseJson(text: string, source: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    const message = `is not JSON: ${error instanceof Error ? error.message : String(error)}`;
    throw new NetworkFileError(source, [{ path: '', message }], { cause: error });
  }
}

/** Two checks of one field may say the same. */
const withoutRepeats = (mistakes: readonly Mistake[]): Mistake[] => [
  ...new Map(mistakes.map((mistake) => [`${mistake.path} ${mistake.message}`, mistake])).values(),
];
