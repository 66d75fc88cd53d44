import { writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Connection } from '../schemas/connection.ts';
import type { LocalStack } from './local-stack.ts';

/** Tells the command line where this stack is, so that it needs no setup. */
export function writeConnectionFile({ dataDir, addresses }: Pick<LocalStack, 'dataDir' | 'addresses'>): void {
  const connection: Connection = {
    api: addresses.api,
    tokenUrl: `${addresses.oidc}/token`,
    clientSecret: 'local',
    scopes: { operator: 'towercast/operator', partner: 'towercast/partner' },
  };
  writeFileSync(path.join(dataDir, 'connection.json'), JSON.stringify(connection, null, 2), { mode: 0o600 });
}
