import { once } from 'node:events';
import { createServer } from 'node:http';
import { text } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import { createIotDataClient } from '../../../functions/shared/aws/iot.ts';
import { createTowerDownlink } from '../../../functions/shared/tower-downlink.ts';

const topic = (name: string) => `/topics/${encodeURIComponent(`towers/0000000000000001/${name}`)}?qos=1`;

describe('the way down to a tower', () => {
  it('publishes acknowledgements and commands under the tower’s own topics, at least once each', async () => {
    const published: { url: string | undefined; body: unknown }[] = [];
    const server = createServer((incoming, response) => {
      void (async () => {
        published.push({ url: incoming.url, body: JSON.parse(await text(incoming)) });
        response.end('{}');
      })();
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('listens on no port');
    const iot = createIotDataClient({
      endpoint: `http://127.0.0.1:${address.port}`,
      region: 'eu-central-1',
      credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
    });
    const downlink = createTowerDownlink(iot);
    const command = {
      commandId: 'c1',
      type: 'resend' as const,
      boot: 'b7',
      from: 2,
      to: 4,
      expiresAt: '2026-03-20T09:25:00.000Z',
    };
    await downlink.acknowledge('0000000000000001', { boot: 'b7', seq: 1042 });
    await downlink.command('0000000000000001', command);
    iot.destroy();
    server.close();
    expect(published).toEqual([
      { url: topic('acks'), body: { boot: 'b7', seq: 1042 } },
      { url: topic('commands'), body: command },
    ]);
  });
});
