import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import * as z from 'zod';
import { readDocument } from '../../cli/document.ts';
import { groupsOf } from '../../cli/commands.ts';
import { contracts } from '../../functions/deliver/contracts/index.ts';
import { orderHeaders } from '../../functions/deliver/lane/order-headers.ts';
import { signatureHeaders } from '../../functions/deliver/signature.ts';
import { ed25519PublicKey, ed25519SigningKey } from '../../functions/shared/ed25519.ts';
import { ContractNameSchema } from '../../schemas/contract.ts';
import { eventSamples } from '../../schemas/documents/event-samples.ts';
import { webhookDescriptions } from '../../schemas/documents/webhook-bodies.ts';
import { renderedSample } from '../../schemas/documents/webhooks.ts';
import { meaningOf2xx } from '../../schemas/proof.ts';

const root = path.resolve(import.meta.dirname, '../..');
const guide = readFileSync(path.join(root, 'docs/partner-guide.md'), 'utf8');
const nowSeconds = () => Math.floor(Date.now() / 1_000);

/** The text of each code block whose info string has `key=value`, by the value. */
const blocks = (key: string): Map<string, string> =>
  new Map(
    [...guide.matchAll(new RegExp(`^\`\`\`\\w+ ${key}=(\\S+)\n([^]*?)^\`\`\`$`, 'gm'))].map(
      ([, value = '', text = '']) => [value, text],
    ),
  );

/** Writes the guide's Node snippets as the files they say they are, where they find their packages. */
function unpack(): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'towercast-guide-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  symlinkSync(path.join(root, 'node_modules'), path.join(folder, 'node_modules'));
  for (const [file, text] of blocks('file')) writeFileSync(path.join(folder, file), text);
  return folder;
}

const secret = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
const otherSecret = `whsec_${Buffer.alloc(32, 8).toString('base64')}`;
const stocked = eventSamples.find(({ type }) => type === 'reservation.stocked');

const asKeys = (keys: readonly string[]) => keys.map((key) => ({ key }));

/** A request as `deliver` makes it. */
function signedRequest(keys: readonly string[], overrides: { epochSeconds?: number } = {}) {
  const id = stocked?.id ?? '';
  const body = stocked === undefined ? '' : JSON.stringify(renderedSample('reservation-status', stocked));
  const signed = { id, epochSeconds: nowSeconds(), body: Buffer.from(body), ...overrides };
  return { body, headers: signatureHeaders(signed, asKeys(keys)) };
}

it('the guide says what a 2xx proves in the words of the API and of the command line', () => {
  expect(guide.replaceAll(/\s+/g, ' ')).toContain(meaningOf2xx);
});

it('the guide says what is different about message-pointer: its 410, and the hash of its request', () => {
  expect(/^\| 410.*$/m.exec(guide)?.[0]).toContain('not with `message-pointer`');
  const booking = eventSamples.find(({ type }) => type === 'booking.added');
  if (booking === undefined) throw new Error('no sample');
  const context = { operatorTimeZone: 'UTC' };
  const sent =
    contracts['message-pointer'](booking, { method: 'POST', detail: 'full' }, context)?.body ?? 'nothing';
  expect(guide).toContain(`\`${createHash('sha256').update(sent).digest('hex').slice(0, 8)}…\``);
});

describe('receiver.mjs of the partner guide', () => {
  it('takes what Towercast signed, once, and refuses what is forged or old', async () => {
    const child = spawn(process.execPath, ['receiver.mjs'], {
      cwd: unpack(),
      env: { ...process.env, WEBHOOK_SECRET: secret, PORT: '0' },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    onTestFinished(() => void child.kill());
    const lines: string[] = [];
    const reader = createInterface({ input: child.stdout }).on('line', (line: string) => lines.push(line));
    await once(reader, 'line');
    const port = lines[0]?.replace('listening on ', '');
    const post = async ({ body, headers }: ReturnType<typeof signedRequest>) =>
      (await fetch(`http://127.0.0.1:${port}/hooks`, { method: 'POST', body, headers })).status;

    const good = signedRequest([secret]);
    expect(await post(good)).toBe(204);
    expect(await post(good)).toBe(204);
    expect(await post(signedRequest([otherSecret, secret]))).toBe(204);
    expect(await post(signedRequest([otherSecret]))).toBe(401);
    expect(await post({ ...good, body: good.body.replace('STOCKED', 'EXPIRED') })).toBe(401);
    expect(await post(signedRequest([secret], { epochSeconds: nowSeconds() - 3_600 }))).toBe(401);
    expect(lines.slice(1)).toEqual([`new: ${stocked?.id} ${good.body}`]);
  });
});

const VerifierSchema = z.object({
  isGenuine: z.custom<(keys: string[], headers: Record<string, string>, body: string) => boolean>(
    (value) => typeof value === 'function',
  ),
});

const loadVerifier = async () =>
  VerifierSchema.parse(await import(pathToFileURL(path.join(unpack(), 'verify.mjs')).href));

describe('verify.mjs of the partner guide', () => {
  it('verifies both kinds of signature, also while two keys sign', async () => {
    const { isGenuine } = await loadVerifier();
    const signingKey = ed25519SigningKey(Buffer.alloc(32, 5));
    const publicKey = ed25519PublicKey(signingKey);
    const both = signedRequest([signingKey, secret]);
    expect(isGenuine([secret], both.headers, both.body)).toBe(true);
    expect(isGenuine([publicKey], both.headers, both.body)).toBe(true);
    expect(isGenuine([otherSecret, publicKey], both.headers, both.body)).toBe(true);
  });

  it('refuses another key, another body, an old request and no headers at all', async () => {
    const { isGenuine } = await loadVerifier();
    const good = signedRequest([secret]);
    const old = signedRequest([secret], { epochSeconds: nowSeconds() - 301 });
    expect(isGenuine([secret], good.headers, good.body)).toBe(true);
    expect(isGenuine([otherSecret], good.headers, good.body)).toBe(false);
    expect(
      isGenuine([ed25519PublicKey(ed25519SigningKey(Buffer.alloc(32, 5)))], good.headers, good.body),
    ).toBe(false);
    expect(isGenuine([secret], good.headers, `${good.body} `)).toBe(false);
    expect(isGenuine([secret], old.headers, old.body)).toBe(false);
    expect(isGenuine([secret], {}, good.body)).toBe(false);
  });

  it('verifies the empty body of a message pointer', async () => {
    const { isGenuine } = await loadVerifier();
    const signed = { id: 'evt_x', epochSeconds: nowSeconds(), body: Buffer.alloc(0) };
    const headers = signatureHeaders(signed, asKeys([secret]));
    expect(isGenuine([secret], headers, '')).toBe(true);
  });
});

/** The guide's Node lines about the numbers of an ordered endpoint, as a function. */
async function loadNumbersCheck() {
  const folder = unpack();
  const [, lines = ''] = /^```js\n(const \{ 'towercast-sequence-of'[^]*?)^```$/m.exec(guide) ?? [];
  const module = `import { Webhook } from 'standardwebhooks';\nexport function check(headers, secret) {\n${lines}}\n`;
  writeFileSync(path.join(folder, 'numbers.mjs'), module);
  return z
    .object({
      check: z.custom<(headers: Record<string, string>, secret: string) => unknown>(
        (value) => typeof value === 'function' && lines !== '',
      ),
    })
    .parse(await import(pathToFileURL(path.join(folder, 'numbers.mjs')).href)).check;
}

/** Headers of an ordered endpoint, as `deliver` makes them. */
const numbered = (lane = '0000000000000001-9') => {
  const { headers } = signedRequest([otherSecret, secret]);
  const order = { id: headers['webhook-id'] ?? '', epochSeconds: Number(headers['webhook-timestamp']) };
  return {
    ...headers,
    ...orderHeaders({ ...order, lane, sequence: 12, previousSequence: 10 }, asKeys([otherSecret, secret])),
  };
};

describe('the numbers of an ordered endpoint', () => {
  it.each(['0000000000000001-9', '0000000000000001-0', 'lock~df50a61f', 'booking~b.1', 'endpoint~main'])(
    'of %s are verified by the lines of the partner guide',
    async (lane) => {
      const check = await loadNumbersCheck();
      expect(check(numbered(lane), secret)).toBeUndefined();
    },
  );

  it('that were changed, or signed by others, are refused by them', async () => {
    const check = await loadNumbersCheck();
    const genuine = numbered();
    for (const [name, value] of [
      ['towercast-sequence-of', '0000000000000001-8'],
      ['towercast-sequence', '13'],
      ['towercast-previous-sequence', '11'],
      ['webhook-id', 'evt_other'],
      ['towercast-sequence-signature', genuine['webhook-signature'] ?? ''],
    ] as const)
      expect(() => check({ ...genuine, [name]: value }, secret)).toThrow('No matching signature');
    const nobodys = `whsec_${Buffer.alloc(32, 9).toString('base64')}`;
    expect(() => check(genuine, nobodys)).toThrow('No matching signature');
  });
});

const MessageSchema = z.object({
  handleMessage: z.custom<
    (
      at: { api: string; token: string; messageId: string },
      handle: (message: unknown) => Promise<void>,
    ) => Promise<void>
  >((value) => typeof value === 'function'),
});

describe('pull.mjs of the partner guide', () => {
  it('hands on every event, waits at the end, and goes on from what it saved', async () => {
    const module = z
      .object({ pull: z.custom<(options: object) => Promise<void>>((value) => typeof value === 'function') })
      .parse(await import(pathToFileURL(path.join(unpack(), 'pull.mjs')).href));
    const asked: (string | null)[] = [];
    const server = createServer((request, response) => {
      const { pathname, searchParams } = new URL(request.url ?? '', 'http://localhost');
      expect([pathname, searchParams.get('wait')]).toEqual(['/v1/events', '20']);
      expect(request.headers.authorization).toBe('Bearer t-1');
      const after = searchParams.get('after');
      asked.push(after);
      if (asked.length === 2) {
        response.writeHead(429, { 'retry-after': '0' }).end('{}');
        return;
      }
      const page = Number(after ?? '0');
      response.end(
        JSON.stringify({ items: [{ id: `evt-${page}` }], next: String(page + 1), atEnd: page > 0 }),
      );
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    onTestFinished(() => void server.close());
    const { port } = z.object({ port: z.int() }).parse(server.address());
    const [handled, saved]: [string[], string[]] = [[], []];
    const pulling = module.pull({
      api: `http://127.0.0.1:${port}`,
      getToken: async () => 't-1',
      handle: async ({ id }: { id: string }) => {
        if (handled.length === 3) throw new Error('enough');
        handled.push(id);
      },
      save: async (next: string) => void saved.push(next),
    });
    await expect(pulling).rejects.toThrow('enough');
    expect(handled).toEqual(['evt-0', 'evt-1', 'evt-2']);
    expect(saved).toEqual(['1', '2', '3']);
    // What was refused for now is asked for again.
    expect(asked).toEqual([null, '1', '1', '2', '3']);
  });
});

describe('message.mjs of the partner guide', () => {
  it('marks a message as read only after it was handled', async () => {
    const steps: string[] = [];
    const server = createServer((request, response) => {
      steps.push(`${request.method} ${request.url} ${request.headers.authorization}`);
      response
        .writeHead(request.method === 'GET' ? 200 : 204)
        .end(request.method === 'GET' ? '{"action":"add"}' : '');
    }).listen(0, '127.0.0.1');
    onTestFinished(() => void server.close());
    await once(server, 'listening');
    const { port } = z.object({ port: z.number() }).parse(server.address());
    const { handleMessage } = MessageSchema.parse(
      await import(pathToFileURL(path.join(unpack(), 'message.mjs')).href),
    );
    const at = { api: `http://127.0.0.1:${port}`, token: 't', messageId: 'evt_booking~1_mmykbvk0_v~1' };
    await handleMessage(at, async (message) => void steps.push(JSON.stringify(message)));
    await expect(handleMessage(at, () => Promise.reject(new Error('no')))).rejects.toThrow('no');
    const url = '/message/evt_booking~1_mmykbvk0_v~1 Bearer t';
    expect(steps).toEqual([`GET ${url}`, '{"action":"add"}', `POST ${url}`, `GET ${url}`]);
  });
});

describe('the partner guide', () => {
  it('shows bodies that are as the contracts send them', () => {
    const samples = [...blocks('contract')];
    expect(samples.length).toBeGreaterThan(3);
    const wrong = samples.map(
      ([contract, text]) =>
        webhookDescriptions[ContractNameSchema.parse(contract)].body?.safeParse(JSON.parse(text)).error,
    );
    expect(wrong.filter((error) => error !== undefined)).toEqual([]);
  });

  it('uses only commands that exist', () => {
    const document = readDocument(readFileSync(path.join(root, 'docs/api/openapi.json'), 'utf8'));
    const known = new Set([
      'whoami',
      'deliveries tail',
      ...groupsOf(document).flatMap(({ name, commands }) =>
        commands.flatMap((command) =>
          // "show" is another word for "get".
          (command.name === 'get' ? ['get', 'show'] : [command.name]).map((verb) => `${name} ${verb}`),
        ),
      ),
    ]);
    const used = [...guide.matchAll(/towercast -- ([a-z-]+(?: [a-z-]+)?)|`([a-z]+s [a-z-]+)[ `]/g)].map(
      ([, run, inline]) => run ?? inline ?? '',
    );
    expect(used.length).toBeGreaterThan(8);
    expect(used.filter((command) => !known.has(command))).toEqual([]);
  });
});
