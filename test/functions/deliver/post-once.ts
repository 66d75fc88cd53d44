import http from 'node:http';
import { createHttpClient } from '../../../functions/deliver/http-client.ts';
import { createAddressGuard } from '../../../functions/shared/address-guard.ts';

/**
 * A process of its own, for what a process reads from its environment at its start: posts to each URL given to it, and
 * gets the first one as others would. Prints what came of it as JSON.
 */
const [first = '', ...others] = process.argv.slice(2);
const client = createHttpClient({
  guard: createAddressGuard({ allowLoopbackHttp: true, allowedPorts: [] }),
  timeoutMs: 5_000,
});
const posted: (number | string | null)[] = [];
for (const url of [first, ...others]) {
  const result = await client.post({ url, method: 'POST', headers: {}, body: Buffer.from('{}') });
  posted.push(result.kind === 'error' ? result.reason : result.status);
}
client.close();
const got = await new Promise((resolve) => {
  http.get(first, ({ statusCode }) => resolve(statusCode)).on('error', () => resolve('failed'));
});
process.stdout.write(JSON.stringify({ posted, got }), () => process.exit());
