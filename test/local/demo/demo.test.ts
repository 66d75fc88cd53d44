import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as z from 'zod';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startDemo, type Demo } from '../../../local/demo/demo.ts';
import { Waiting } from '../../../local/demo/waiting.ts';
import { startTarget, type Target } from '../network/target.ts';
import { startApiServer, type ApiServer, type ServedAnswer, type ServedRequest } from './api-server.ts';
import { startBroker, type Broker } from './broker.ts';
import { waitFor } from '../../helpers/stack-process.ts';
import { createFakeApi } from './fake-api.ts';

/** What a demo wrote, line by line. */
function createScreen() {
  const lines: string[] = [];
  const waiting = new Waiting();
  return {
    lines,
    write: (text: string) => {
      lines.push(...text.split('\n'));
      waiting.look();
    },
    waitFor: (pattern: RegExp) =>
      waiting.until(
        () => lines.find((line) => pattern.test(line)),
        20_000,
        () => `${pattern} in\n${lines.join('\n')}`,
      ),
  };
}

/** An API that starts without the demo's queue. */
function createAnswers() {
  const fake = createFakeApi({ onOpen: () => undefined });
  let hasQueue = false;
  return ({ method, path, text, clientId, headers }: ServedRequest): ServedAnswer => {
    if (path.startsWith('/v1/queues')) {
      if (method === 'POST') hasQueue = true;
      return { status: hasQueue ? 200 : 404, body: {} };
    }
    const isForm = headers['content-type']?.includes('form') === true;
    const sent =
      text === ''
        ? {}
        : isForm
          ? { form: Object.fromEntries(new URLSearchParams(text)) }
          : { body: z.looseObject({}).parse(JSON.parse(text)) };
    const ifMatch =
      headers['if-match'] === undefined ? {} : { ifMatch: Number(headers['if-match'].replaceAll('"', '')) };
    const { status, version, body } = fake.answer(clientId, {
      method: methodOf(method),
      path,
      ...sent,
      ...ifMatch,
    });
    return { status, headers: { etag: `"${version}"` }, body: body ?? {} };
  };
}

function methodOf(method: string) {
  for (const known of ['GET', 'POST', 'PATCH', 'DELETE'] as const) if (known === method) return known;
  throw new Error(method);
}

const fromTowers = ({ published }: Broker) => published.map(({ payload }): unknown => JSON.parse(payload));

const boots = (published: Broker['published']) =>
  published.map(({ payload }) => /"boot":"(\w+)"/.exec(payload)?.[1] ?? 'none');

const towers = (items: Record<string, unknown>[]) => items.filter((item) => item['kind'] === 'tower');

describe('the demo', () => {
  let target: Target;
  let broker: Broker;
  let api: ApiServer;
  let dataDir: string;
  let demo: Demo | null;
  beforeEach(async () => {
    demo = null;
    [target, broker, api, dataDir] = await Promise.all([
      startTarget(),
      startBroker(),
      startApiServer(createAnswers()),
      mkdtemp(join(tmpdir(), 'towercast-demo-')),
    ]);
  });
  afterEach(async () => {
    await demo?.stop();
    await Promise.all([target.stop(), broker.stop(), api.stop(), rm(dataDir, { recursive: true })]);
  });
  const start = async () => {
    const screen = createScreen();
    const addresses = { ...target.addresses, ...api.addresses, mqtt: broker.url };
    demo = await startDemo({ ...target, dataDir, addresses }, { write: screen.write, colour: false });
    return screen;
  };

  it('seeds its network, explains itself, and shows what towers and partners do', async () => {
    const screen = await start();
    const port = new URL(broker.url).port;
    expect(screen.lines.join('\n')).toContain(`mosquitto_pub -p ${port} -i 0000000000000001 -q 1`);
    await screen.waitFor(/● {3}0000000000000003 +tower\.started/);
    await screen.waitFor(/● {3}\d{16} +\d+ {2}reservation\.reserved +\w+ asks for RES-/);
    await screen.waitFor(/● {3}booking book-\d+ +booking\.added/);
    await screen.waitFor(/● {3}\d{16} +16 {2}access\.unlocked/);
    expect(screen.lines.filter((line) => line.startsWith('demo:'))).toEqual([]);
    expect(fromTowers(broker)).toContainEqual(
      expect.objectContaining({ v: 1, seq: 1, type: 'tower.started', firmware: '4.2.0' }),
    );
    const kinds = new Set((await target.items('entities-test')).map((item) => item['kind']));
    for (const kind of ['tower', 'locker', 'partner', 'client', 'endpoint', 'key', 'lock'])
      expect(kinds).toContain(kind);
  });

  it('starts again on what it left: another boot, nothing seeded twice, and it goes on', async () => {
    const first = await start();
    const [, left] = /asks for (RES-\d+)/.exec(await first.waitFor(/reservation\.reserved/)) ?? [];
    await demo?.stop();
    const before = await target.items('entities-test');
    const [published, requests] = [broker.published.length, api.requests.length];
    const second = await start();
    const path = `/v1/reservations/${left}`;
    await waitFor(() => api.requests.slice(requests).find((request) => request.path === path), {
      timeoutMs: 20_000,
      describe: () => `a look at what became of ${left}`,
    });
    await demo?.stop();
    expect(second.lines.filter((line) => line.startsWith('demo:'))).toEqual([]);
    const [earlier, later] = [broker.published.slice(0, published), broker.published.slice(published)];
    expect(boots(later).filter((boot) => boots(earlier).includes(boot))).toEqual([]);
    expect(towers(await target.items('entities-test'))).toEqual(towers(before));
    const queues = api.requests.slice(requests).filter(({ path }) => path.startsWith('/v1/queues'));
    expect(queues.map(({ method }) => method)).toEqual(['GET']);
  });

  it('falls silent when its traffic stops', async () => {
    const screen = await start();
    await screen.waitFor(/booking\.added/);
    await demo?.stopTraffic();
    const written = screen.lines.length;
    await demo?.stop();
    expect(screen.lines).toHaveLength(written);
  });
});
