import { setTimeout as wait } from 'node:timers/promises';
import { isTerminal } from '../../functions/domain/reservation-transitions.ts';
import type { Reservation } from '../../schemas/entity.ts';
import { loadInto } from '../network/load.ts';
import { openNetworkStore, type NetworkStore, type NetworkTarget } from '../network/store.ts';
import { banner } from './banner.ts';
import { createCasting } from './casting.ts';
import { createIds } from './ids.ts';
import { Ledger } from './ledger.ts';
import { formatHeads, formatLine, type DemoLine } from './line.ts';
import { courier, demoNetwork, demoTowerIds, marketplace } from './network.ts';
import { startPartners } from './partners.ts';
import { Stage } from './stage.ts';
import { connectTower } from './tower.ts';

export interface DemoOptions {
  /** Takes a line, or several, without the last one's end. Default: standard output. */
  write?: (text: string) => void;
  /** Default: when standard output is a terminal and NO_COLOR is not set. */
  colour?: boolean;
}

export interface Demo {
  /** Towers fall silent; receivers go on answering, so that what is on its way arrives. */
  stopTraffic(): Promise<void>;
  /** Everything. */
  stop(): Promise<void>;
}

/** Between two things that happen: one or two a second. */
const paceMs = { least: 350, most: 950 };
const heartbeatMs = 30_000;
/** How many open parcels of an earlier run go on, for each partner. */
const maxContinued = 6;

/** Seeds the demo network, starts its partners' receivers and its towers, and plays traffic until it is stopped. */
export async function startDemo(stack: NetworkTarget, options: DemoOptions = {}): Promise<Demo> {
  const { write = (text) => process.stdout.write(`${text}\n`), colour = terminalHasColours() } = options;
  const print = (line: DemoLine) => write(formatLine(line, { colour }));
  const ledger = new Ledger();
  const partners = await startPartners({ ledger, print });
  const store = openNetworkStore(stack);
  await loadInto(store, demoNetwork(partners.origin));
  write(banner(stack.addresses.mqtt));
  write(formatHeads({ colour }));
  // They reconnect: whoever takes part as one of them, under its client id, disconnects it.
  const towers = await Promise.all(
    demoTowerIds.map((towerId) => connectTower({ url: stack.addresses.mqtt, towerId, reconnectMs: 500 })),
  );
  const stopping = new AbortController();
  const stage = new Stage({ store, towers, ledger, print });
  const traffic = play(stage, store, { signal: stopping.signal, write });

  const stopTraffic = async () => {
    stopping.abort();
    await Promise.all(towers.map((tower) => tower.disconnect()));
    await traffic;
  };
  return {
    stopTraffic,
    async stop() {
      await stopTraffic();
      store.close();
      await partners.close();
    },
  };
}

interface PlayOptions {
  signal: AbortSignal;
  write: (text: string) => void;
}

/** One thing after the other until the signal. What fails is reported, and the show goes on. */
async function play(stage: Stage, store: NetworkStore, { signal, write }: PlayOptions): Promise<void> {
  const attempt = async (deed: () => Promise<void>) => {
    try {
      await deed();
    } catch (error) {
      if (!signal.aborted) write(`demo: ${error instanceof Error ? error.message : String(error)}`);
    }
  };
  const open = await openReservations(store);
  const { graceHours } = store.policy;
  const next = createCasting({
    ids: createIds(Date.now),
    random: Math.random,
    now: Date.now,
    open,
    graceHours,
  });
  let nextHeartbeatMs = Date.now() + heartbeatMs;
  await attempt(() => stage.open());
  while (!signal.aborted) {
    const deed = next();
    if (deed !== null) await attempt(() => stage.perform(deed));
    if (Date.now() >= nextHeartbeatMs) {
      nextHeartbeatMs += heartbeatMs;
      await attempt(() => stage.heartbeat());
    }
    await pause(paceMs.least + Math.random() * (paceMs.most - paceMs.least), signal);
  }
}

/** Ends at the signal, too. */
const pause = (ms: number, signal: AbortSignal): Promise<void> =>
  wait(ms, undefined, { signal }).catch(() => undefined);

/** Parcels that an earlier run left on their way. */
async function openReservations(store: NetworkStore): Promise<Reservation[]> {
  const found = await Promise.all(
    [courier, marketplace].map(async ({ partnerId }) => {
      const ids = await store.lastReservationIds(partnerId, 30);
      const refs = ids.map((reservationId) => ({ kind: 'reservation', reservationId }) as const);
      const stored = await store.entities.getMany(refs);
      const open = refs.flatMap((ref) => {
        const reservation = stored.get(ref);
        return reservation === null || isTerminal(reservation.status) ? [] : [reservation];
      });
      return open.slice(0, maxContinued);
    }),
  );
  return found.flat();
}

/** NO_COLOR and dumb terminals are known to hasColors. */
const terminalHasColours = (): boolean => process.stdout.isTTY && process.stdout.hasColors();
