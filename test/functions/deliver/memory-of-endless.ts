import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { createHttpClient } from '../../../functions/deliver/http-client.ts';
import { createAddressGuard } from '../../../functions/shared/address-guard.ts';
import { makeCertificate } from '../../../local/demo/certificates.ts';
import { to } from './listening.ts';

const PortsSchema = z.array(z.tuple([z.string(), z.int()]));

type Scheme = 'http' | 'https';
type Ports = [name: string, port: number][];
const authority = makeCertificate({ isCa: true });
const certificate = makeCertificate({ issuer: authority, names: ['127.0.0.1'] });
const trustedBefore = getCACertificates();

/** All of them, in a process of their own. */
async function startEndless(scheme: Scheme): Promise<{ server: ChildProcess; ports: Ports }> {
  const script = fileURLToPath(new URL('./endless-server.ts', import.meta.url));
  const { cert, key } = certificate;
  const args = scheme === 'http' ? [] : [JSON.stringify({ cert, key })];
  const server = spawn(process.execPath, [script, ...args], { stdio: ['pipe', 'pipe', 'inherit'] });
  const { stdout: input } = server;
  const line = await new Promise<string>((resolve) => {
    createInterface(input).once('line', resolve);
  });
  return { server, ports: PortsSchema.parse(JSON.parse(line)) };
}

const megabyte = 1_048_576;

/** Everything that JavaScript holds, and what buffers hold outside its heap. */
const held = () => {
  const { heapUsed, external, rss } = process.memoryUsage();
  return { heapMb: heapUsed / megabyte, externalMb: external / megabyte, rssMb: rss / megabyte };
};

interface Load {
  scheme: Scheme;
  ports: Ports;
  /** For each receiver. */
  sideBySide: number;
  rounds: number;
  maxResponseBytes?: number;
  /** Default: all receivers. */
  ofName?: RegExp;
}

/** Posts to every endless receiver, `sideBySide` times at once, and says by how much memory grew at its highest. */
async function growth({ scheme, ports, sideBySide, rounds, maxResponseBytes = 16_384, ofName = /./ }: Load) {
  const chosen = ports.filter(([name]) => ofName.test(name));
  const client = createHttpClient({
    guard: createAddressGuard({ allowLoopbackHttp: true, allowedPorts: [] }),
    timeoutMs: 20_000,
    maxResponseBytes,
  });
  const before = held();
  const most = { ...before };
  const watch = () => {
    const now = held();
    for (const key of ['heapMb', 'externalMb', 'rssMb'] as const) most[key] = Math.max(most[key], now[key]);
  };
  const timer = setInterval(watch, 5);
  let attempts = 0;
  for (let round = 0; round < rounds; round += 1)
    await Promise.all(
      chosen.flatMap(([, port]) =>
        Array.from({ length: sideBySide }, async () => {
          const { responseBody } = await client.post(to(`${scheme}://127.0.0.1:${port}/`));
          watch();
          attempts += 1;
          expect(responseBody.byteLength).toBeLessThanOrEqual(maxResponseBytes);
        }),
      ),
    );
  clearInterval(timer);
  client.close();
  const grown = { heapMb: most.heapMb - before.heapMb, externalMb: most.externalMb - before.externalMb };
  return { attempts, ...grown, rssMb: most.rssMb - before.rssMb };
}

/** In a file of its own for each: memory that a process has had once is not given back, and would hide how it grows again. */
export function describeMemory(scheme: Scheme): void {
  describe(`by ${scheme}`, () => {
    let endless: Awaited<ReturnType<typeof startEndless>>;
    beforeAll(async () => {
      setDefaultCACertificates([...trustedBefore, authority.cert]);
      endless = await startEndless(scheme);
    });
    afterAll(() => {
      setDefaultCACertificates(trustedBefore);
      endless.server.kill();
    });

    it('memory stays bounded at 180 receivers side by side that never stop sending', async () => {
      const { ports } = endless;
      await growth({ scheme, ports, sideBySide: 1, rounds: 1 });
      const grown = await growth({ scheme, ports, sideBySide: 10, rounds: 5 });
      expect(grown.attempts).toBeGreaterThanOrEqual(750);
      // 64 kB of a socket's buffer and 16 kB of body for each that runs; what TLS needs itself shows in the last figure only.
      expect(grown.externalMb).toBeLessThan(64);
      expect(grown.heapMb).toBeLessThan(128);
      expect(grown.rssMb).toBeLessThan(256);
    }, 120_000);

    it('and the measurement would show it if bodies were read on', async () => {
      const grown = await growth({
        scheme,
        ports: endless.ports,
        sideBySide: 30,
        rounds: 1,
        maxResponseBytes: 4 * megabyte,
        ofName: /body without/,
      });
      expect(grown.externalMb).toBeGreaterThan(100);
    }, 120_000);
  });
}
