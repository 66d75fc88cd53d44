import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import type { LocalStack } from '../local-stack.ts';
import { loadInto } from '../network/load.ts';
import { openNetworkStore, type NetworkTarget } from '../network/store.ts';
import { ApiError, createApiClient, type ApiClient } from './api-client.ts';
import { banner } from './banner.ts';
import { createCasting, type Deed, type Scene } from './casting.ts';
import { Ledger } from './ledger.ts';
import { formatHeads, formatLine, type DemoLine } from './line.ts';
import { demoNetwork, demoTowerIds, queueId, queueup } from './network.ts';
import { openNotebook, type Notebook } from './notebook.ts';
import { startPartners } from './partners.ts';
import { Stage } from './stage.ts';
import { connectTower } from './tower.ts';

/** What the demo needs of a stack. */
export type DemoTarget = NetworkTarget & Pick<LocalStack, 'dataDir'>;

export interface DemoOptions {
  /** Takes a line, or several, without the last one's end. Default: standard output. */
  write?: (text: string) => void;
  /** Default: when standard output is a terminal and NO_COLOR is not set. */
  colour?: boolean;
}

export interface Demo {
  /** Towers and partners fall silent; receivers go on answering, so that what is on its way arrives. */
  stopTraffic(): Promise<void>;
  /** Everything. */
  stop(): Promise<void>;
}

/** Between two things that happen: one or two a second. */
const paceMs = { least: 350, most: 950 };
const heartbeatMs = 30_000;

/** Seeds the demo network, starts its partners' receivers and its towers, and plays traffic until it is stopped. */
export async function startDemo(stack: DemoTarget, options: DemoOptions = {}): Promise<Demo> {
  const { write = (text) => process.stdout.write(`${text}\n`), colour = terminalHasColours() } = options;
  const stopping = new AbortController();
  const { signal } = stopping;
  const print = (line: DemoLine) => write(formatLine(line, { colour }));
  const complain = (error: unknown) => {
    if (!signal.aborted) write(`demo: ${error instanceof Error ? error.message : String(error)}`);
  };
  const ledger = new Ledger();
  const api = createApiClient(stack.addresses);
  const partners = await startPartners({ api, ledger, print, complain });
  const store = openNetworkStore(stack);
  await loadInto(store, demoNetwork(partners.origin));
  const { graceHours } = store.policy;
  store.close();
  write(banner(stack.addresses.mqtt));
  write(formatHeads({ colour }));
  // They reconnect: whoever takes part as one of them, under its client id, disconnects it.
  const towers = await Promise.all(
    demoTowerIds.map((towerId) => connectTower({ url: stack.addresses.mqtt, towerId, reconnectMs: 500 })),
  );
  const stage = new Stage({ api, apiUrl: stack.addresses.api, towers, ledger, print });
  const notebook = openNotebook(path.join(stack.dataDir, 'demo', 'stories.json'));
  const traffic = play({ stage, api, notebook, graceHours, signal, complain });

  const stopTraffic = async () => {
    stopping.abort();
    await Promise.all(towers.map((tower) => tower.disconnect()));
    await traffic;
  };
  return {
    stopTraffic,
    async stop() {
      await stopTraffic();
      await partners.close();
    },
  };
}

interface PlayOptions {
  stage: Stage;
  api: ApiClient;
  notebook: Notebook;
  graceHours: number;
  signal: AbortSignal;
  complain: (error: unknown) => void;
}

/** One thing after the other until the signal. What fails is reported, and the show goes on. */
async function play({ stage, api, notebook, graceHours, signal, complain }: PlayOptions): Promise<void> {
  const casting = createCasting({
    random: Math.random,
    now: Date.now,
    open: notebook.read(),
    keep: (open) => notebook.write(open),
    graceHours,
  });
  stage.onOpenCommand((towerId, command) => casting.openDoor(towerId, command));
  await Promise.all([stage.open().catch(complain), openQueue(api).catch(complain)]);
  let nextHeartbeatMs = Date.now() + heartbeatMs;
  while (!signal.aborted) {
    const scene = casting.next();
    if (scene !== null) await perform(stage, scene, { signal, complain });
    if (Date.now() >= nextHeartbeatMs) {
      nextHeartbeatMs += heartbeatMs;
      await stage.heartbeat().catch(complain);
    }
    await pause(paceMs.least + Math.random() * (paceMs.most - paceMs.least), signal);
  }
}

async function perform(
  stage: Stage,
  { deed, done, fail }: Scene,
  { signal, complain }: Pick<PlayOptions, 'signal' | 'complain'>,
): Promise<void> {
  try {
    done(await stage.perform(deed));
  } catch (error) {
    // Towers are disconnected by then. The next run goes on with what this one was stopped in.
    if (signal.aborted) return;
    if (!isGone(deed, error)) complain(error);
    fail({ forget: error instanceof ApiError });
  }
}

/** What an earlier run left may be there no more: the data was removed. */
const isGone = (deed: Deed, error: unknown): boolean =>
  deed.kind === 'call' && deed.request.method === 'GET' && error instanceof ApiError && error.status === 404;

/** The queue of the desk, as far as it is not there yet. */
async function openQueue(api: ApiClient): Promise<void> {
  const body = { queueId, organization: 'queueup', location: 'Main Street', towerIds: demoTowerIds };
  try {
    await api.send(queueup.clientId, { method: 'GET', path: `/v1/queues/${queueId}` });
  } catch (error) {
    if (!(error instanceof ApiError && error.status === 404)) throw error;
    await api.send(queueup.clientId, { method: 'POST', path: '/v1/queues', body });
  }
}

/** Ends at the signal, too. */
const pause = (ms: number, signal: AbortSignal): Promise<void> =>
  wait(ms, undefined, { signal }).catch(() => undefined);

/** NO_COLOR and dumb terminals are known to hasColors. */
const terminalHasColours = (): boolean => process.stdout.isTTY && process.stdout.hasColors();
