import { parseArgs } from 'node:util';
import { UsageError } from './cli-error.ts';
import { globalOptions, type GlobalValues } from './global-options.ts';
import { findCredentials, findTarget, SessionSchema, sessionFile } from './target.ts';
import { fetchToken } from './token.ts';
import type { World } from './world.ts';

/** Gets a token and stores it. The secret itself is never stored. */
export async function login(world: World, values: GlobalValues): Promise<void> {
  const api = values.api ?? world.env['TOWERCAST_API'];
  if (api === undefined) throw new UsageError('--api is required: which API?');
  const { token, expiresAtMs } = await fetchToken(world, findCredentials(world, values));
  world.write(sessionFile(world), JSON.stringify(SessionSchema.parse({ api, token, expiresAtMs })));
  world.note(`Signed in to ${api} until ${new Date(expiresAtMs).toISOString()}.`);
}

export function logout(world: World): void {
  world.remove(sessionFile(world));
  world.note('Signed out.');
}

/** Says where calls would go. Gets a token, so that a mistake shows here. */
export async function whoami(world: World, values: GlobalValues): Promise<void> {
  const target = findTarget(world, values);
  await target.token();
  const { api, origin } = target;
  world.out(values.json ? JSON.stringify({ api, origin }) : `${api}, by ${origin}`);
}

/** The options of commands that have none of their own. Throws UsageError for others. */
export function readGlobals(args: readonly string[]): GlobalValues {
  try {
    return parseArgs({ args: [...args], options: globalOptions, strict: true, allowPositionals: false })
      .values;
  } catch (error) {
    const [sentence = ''] = (error instanceof Error ? error.message : String(error)).split(/\. |\n/);
    throw new UsageError(sentence);
  }
}
