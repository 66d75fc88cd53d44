import * as z from 'zod';

/** Options that every command takes. */
export const globalOptions = {
  api: { type: 'string' },
  token: { type: 'string' },
  'client-id': { type: 'string' },
  'token-url': { type: 'string' },
  as: { type: 'string' },
  data: { type: 'string' },
  json: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const;

const text = z.string().optional();
const flag = z.boolean().optional();

/** What parseArgs makes of them; other options are dropped. */
export const GlobalValuesSchema = z.object({
  api: text,
  token: text,
  'client-id': text,
  'token-url': text,
  as: text,
  data: text,
  json: flag,
  help: flag,
});
export type GlobalValues = z.infer<typeof GlobalValuesSchema>;

export const globalHelp = `Where to and as whom (else what "login" stored, else the local stack in .towercast):
  --api URL              the API; or TOWERCAST_API
  --token TOKEN          a bearer token; or TOWERCAST_TOKEN
  --client-id ID         client credentials; or TOWERCAST_CLIENT_ID. The secret is read from
                         TOWERCAST_CLIENT_SECRET only: other users can read command lines.
  --token-url URL        the issuer's token endpoint; or TOWERCAST_TOKEN_URL. TOWERCAST_SCOPE, for instance
                         towercast/partner, is the scope for issuers that grant none by themselves.
  --as CLIENT-ID         local stack: "operator" (the default) or a partner's client id
  --data DIR             local stack: its data folder (default .towercast)
                         With --as or --data and no --api, the environment is not looked at.
Output:
  --json                 JSON as the API gives it, for scripts
  -h, --help             this help, at every level`;
