import { createServer, type IncomingHttpHeaders } from 'node:http';
import { onTestFinished } from 'vitest';
import * as z from 'zod';
import { run, type ExitCode } from '../../cli/run.ts';
import type { World } from '../../cli/world.ts';
import { sampleDocument } from './sample-document.ts';

export interface Received {
  method: string;
  url: string;
  headers: IncomingHttpHeaders;
  body: string;
}

interface Answer {
  status?: number;
  headers?: Record<string, string>;
  body?: unknown;
}

/** An HTTP server that answers one path after the other, and remembers what it was asked. */
export async function startFakeApi(answer: (request: Received) => Answer) {
  const requests: Received[] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (chunk: string) => (body += chunk));
    request.on('end', () => {
      const received = {
        method: request.method ?? '',
        url: request.url ?? '',
        headers: request.headers,
        body,
      };
      requests.push(received);
      const { status = 200, headers = {}, body: answered } = answer(received);
      response.writeHead(status, headers).end(answered === undefined ? '' : JSON.stringify(answered));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  const { port } = z.object({ port: z.number() }).parse(server.address());
  return { url: `http://127.0.0.1:${port}`, requests };
}

export interface Outcome {
  code: ExitCode;
  out: string;
  note: string;
  files: Map<string, string>;
}

export interface Setting {
  env?: Record<string, string>;
  files?: Record<string, string>;
  columns?: number;
  nowMs?: number;
  /** How often `pause` lets it go on. */
  rounds?: number;
}

/** Runs the command line on a machine of its own. */
export async function towercast(line: string | readonly string[], setting: Setting = {}): Promise<Outcome> {
  const out: string[] = [];
  const note: string[] = [];
  const files = new Map(Object.entries(setting.files ?? {}));
  let rounds = setting.rounds ?? 0;
  const world: World = {
    args: typeof line === 'string' ? line.split(' ').filter((word) => word !== '') : line,
    env: setting.env ?? {},
    fetch: globalThis.fetch,
    out: (text) => out.push(text),
    note: (text) => note.push(text),
    read: (file) => files.get(file) ?? null,
    write: (file, text) => files.set(file, text),
    remove: (file) => files.delete(file),
    home: '/home/kim',
    columns: setting.columns ?? 100,
    nowMs: () => setting.nowMs ?? 1_774_000_000_000,
    pause: () => Promise.resolve(rounds-- > 0),
  };
  const code = await run(sampleDocument, world);
  return { code, out: out.join('\n'), note: note.join('\n'), files };
}
