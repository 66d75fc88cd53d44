import path from 'node:path';
import * as z from 'zod';
import { ConnectionSchema } from '../schemas/connection.ts';
import { UsageError } from './cli-error.ts';
import type { GlobalValues } from './global-options.ts';
import { fetchToken, type Credentials } from './token.ts';
import type { World } from './world.ts';

/** Which API, and as whom. */
export interface Target {
  /** Without a slash at the end. */
  api: string;
  /** A bearer token; throws FailedError when the issuer gives none. */
  token: () => Promise<string>;
  /** Where this was found out, for people. */
  origin: string;
}

/** What `login` stores. The client's secret is not in it. */
export const SessionSchema = z.object({ api: z.url(), token: z.string(), expiresAtMs: z.number() });

export const sessionFile = ({ env, home }: Pick<World, 'env' | 'home'>): string =>
  path.join(env['XDG_CONFIG_HOME'] ?? path.join(home, '.config'), 'towercast', 'session.json');

/**
 * In this order: options (--as and --data mean the local stack), environment, what `login` stored, the local stack's
 * connection file. Throws UsageError when
 * nothing says where the API is or who is calling.
 */
export function findTarget(world: World, values: GlobalValues): Target {
  const { env } = world;
  if (values.api === undefined && namesLocal(values)) return localTarget(world, values);
  const api = values.api ?? env['TOWERCAST_API'];
  if (api !== undefined)
    return { api: cleanUrl(api), ...explicitToken(world, values), origin: '--api or TOWERCAST_API' };
  const session = readJsonFile(world, sessionFile(world), SessionSchema);
  if (session !== null) return storedTarget(world, session);
  return localTarget(world, values, env['TOWERCAST_TOKEN']);
}

/** Options that only the local stack has. */
const namesLocal = ({ as: name, data }: GlobalValues): boolean => name !== undefined || data !== undefined;

function explicitToken(world: World, values: GlobalValues): Pick<Target, 'token'> {
  const token = values.token ?? world.env['TOWERCAST_TOKEN'];
  if (token !== undefined && token !== '') return { token: () => Promise.resolve(token) };
  const credentials = findCredentials(world, values);
  return { token: async () => (await fetchToken(world, credentials)).token };
}

/** Throws UsageError that names what is missing. */
export function findCredentials({ env }: World, values: GlobalValues): Credentials {
  const tokenUrl = values['token-url'] ?? env['TOWERCAST_TOKEN_URL'];
  const clientId = values['client-id'] ?? env['TOWERCAST_CLIENT_ID'];
  const clientSecret = env['TOWERCAST_CLIENT_SECRET'];
  if (tokenUrl !== undefined && clientId !== undefined && clientSecret !== undefined)
    return { tokenUrl, clientId, clientSecret, scope: env['TOWERCAST_SCOPE'] };
  const missing = [
    tokenUrl === undefined && '--token-url or TOWERCAST_TOKEN_URL',
    clientId === undefined && '--client-id or TOWERCAST_CLIENT_ID',
    clientSecret === undefined && 'TOWERCAST_CLIENT_SECRET',
  ].filter((name) => name !== false);
  throw new UsageError(
    `who is calling? Give --token (or TOWERCAST_TOKEN), or client credentials: ${missing.join(', ')} ${missing.length === 1 ? 'is' : 'are'} missing`,
  );
}

function storedTarget({ nowMs }: World, { api, token, expiresAtMs }: z.infer<typeof SessionSchema>): Target {
  if (expiresAtMs <= nowMs())
    throw new UsageError('you were signed in and the token has expired: run "login" again, or "logout"');
  return { api: cleanUrl(api), token: () => Promise.resolve(token), origin: 'login' };
}

function localTarget(
  world: World,
  { as: name = 'operator', data = '.towercast', token }: GlobalValues,
  otherToken?: string,
): Target {
  const file = path.join(data, 'connection.json');
  const connection = readJsonFile(world, file, ConnectionSchema);
  if (connection === null)
    throw new UsageError(
      `which API? Start the local stack here ("npm start"), run "login", or give --api URL (${file} does not exist)`,
    );
  const { tokenUrl, clientSecret, scopes } = connection;
  const scope = name === 'operator' ? scopes.operator : scopes.partner;
  const given = token ?? otherToken;
  return {
    api: cleanUrl(connection.api),
    token: async () =>
      given ?? (await fetchToken(world, { tokenUrl, clientId: name, clientSecret, scope })).token,
    origin: `the local stack (${file}) as ${name}`,
  };
}

function readJsonFile<T>({ read }: World, file: string, schema: z.ZodType<T>): T | null {
  const text = read(file);
  if (text === null) return null;
  try {
    return schema.parse(JSON.parse(text));
  } catch {
    // What it holds is secret: it is not quoted.
    throw new UsageError(`${file} is not as expected: remove it and start over`);
  }
}

function cleanUrl(url: string): string {
  const { protocol } = URL.parse(url) ?? {};
  if (protocol === 'https:' || protocol === 'http:') return url.replace(/\/+$/, '');
  throw new UsageError(`${url} is no URL: give one such as https://api.example.com`);
}
