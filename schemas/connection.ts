import * as z from 'zod';

/**
 * `connection.json` in the local stack's data folder: how to call its API. The local issuer gives any client a token,
 * so this is no secret.
 */
export const ConnectionSchema = z.object({
  api: z.url(),
  tokenUrl: z.url(),
  clientSecret: z.string().min(1),
  scopes: z.object({ operator: z.string(), partner: z.string() }),
});
export type Connection = z.infer<typeof ConnectionSchema>;
