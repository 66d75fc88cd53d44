/** The load generator: towers and receivers in a process of their own, so that they don't share a thread with the stack. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Inbox } from '../local/demo/inbox.ts';
import { startReceiver } from '../local/demo/receiver.ts';
import { connectTower, type Tower, type TowerReport } from '../local/demo/tower.ts';
import { eventIdOf, eventKey } from '../schemas/event-id.ts';
import type { TowerMessage } from '../schemas/tower-message.ts';
import { LoadCommandSchema, type LoadReport, type RunResult } from './load-protocol.ts';
import { percentiles } from './percentiles.ts';
import { endpointIds, makePlan, secret } from './plan.ts';

/** How long receipts may follow the last PUBACK. */
const settleMs = 60_000;

const receiver = await startReceiver();
const inboxes = endpointIds.map((id) => receiver.expect(`/${id}`, { secret }));
const urls = endpointIds.map((id) => receiver.url(`/${id}`));
const queues: { tower: Tower; reports: TowerReport[] }[] = [];

const report = (message: LoadReport): void => {
  process.send?.(message);
};

const nowMs = (): number => performance.timeOrigin + performance.now();

async function connect(mqtt: string, events: number, towers: number): Promise<void> {
  const { reports } = makePlan(events, towers, urls);
  for (const [towerId, ofTower] of reports)
    queues.push({ tower: await connectTower({ url: mqtt, towerId }), reports: ofTower });
}

const idOf = (tower: Tower, message: TowerMessage): string =>
  eventIdOf(eventKey(tower.towerId, 'locker' in message ? message.locker : null, message.at, message));

/** Each tower sends its next report when the last one has its PUBACK; at a rate, they take turns. */
async function publish(events: number, perSecond: number | null): Promise<Map<string, number>> {
  const publishedAt = new Map<string, number>();
  const startMs = nowMs();
  let taken = 0;
  const sendNext = async (queue: (typeof queues)[number]): Promise<boolean> => {
    if (taken >= events) return false;
    const next = queue.reports.shift();
    if (next === undefined) return false;
    const turn = taken;
    taken += 1;
    if (perSecond !== null) await sleep(Math.max(0, startMs + (turn * 1000) / perSecond - nowMs()));
    const message = queue.tower.stamp(next);
    publishedAt.set(idOf(queue.tower, message), nowMs());
    await queue.tower.send(message);
    return true;
  };
  await Promise.all(
    queues.map(async (queue) => {
      while (await sendNext(queue));
    }),
  );
  return publishedAt;
}

async function settled(inbox: Inbox, ids: ReadonlySet<string>): Promise<void> {
  const missing = new Set([...ids].filter((id) => !inbox.accepted.has(id)));
  if (missing.size === 0) return;
  await inbox
    .waitFor((request) => missing.delete(request.id) && missing.size === 0, settleMs)
    // What is missing by then is counted as lost.
    .catch(() => undefined);
}

async function run(events: number, perSecond: number | null): Promise<RunResult> {
  const before = inboxes.map((inbox) => inbox.requests.length);
  const badBefore = inboxes.reduce((sum, inbox) => sum + inbox.badSignatures, 0);
  const startMs = nowMs();
  const publishedAt = await publish(events, perSecond);
  const publishedMs = nowMs() - startMs;
  const ids = new Set(publishedAt.keys());
  await Promise.all(inboxes.map((inbox) => settled(inbox, ids)));

  const latencies: number[] = [];
  let lost = 0;
  let duplicated = 0;
  let lastMs = startMs;
  for (const [index, inbox] of inboxes.entries()) {
    const seen = new Set<string>();
    for (const { id, arrivedAtMs } of inbox.requests.slice(before[index])) {
      const from = publishedAt.get(id);
      if (seen.has(id)) duplicated += 1;
      else if (from !== undefined) latencies.push(arrivedAtMs - from);
      seen.add(id);
      lastMs = Math.max(lastMs, arrivedAtMs);
    }
    lost += [...ids].filter((id) => !seen.has(id)).length;
  }
  return {
    events: ids.size,
    elapsedMs: lastMs - startMs,
    publishedMs,
    lost,
    duplicated,
    badSignatures: inboxes.reduce((sum, inbox) => sum + inbox.badSignatures, 0) - badBefore,
    latencyMs: percentiles(latencies),
  };
}

async function obey(message: unknown): Promise<void> {
  const command = LoadCommandSchema.parse(message);
  switch (command.type) {
    case 'connect':
      await connect(command.mqtt, command.events, command.towers);
      report({ type: 'connected' });
      break;
    case 'run':
      report({ type: 'result', result: await run(command.events, command.perSecond) });
      break;
  }
}

process.on('message', (message) => {
  obey(message).catch((error: unknown) => {
    console.error(error);
    process.exit(1);
  });
});
process.on('disconnect', () => process.exit(0));
report({ type: 'listening', urls });
