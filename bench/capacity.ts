import path from 'node:path';
import { startDynoxide } from '../local/engines/dynoxide.ts';
import { loadNetwork } from '../local/network/load.ts';
import { startStack } from '../local/stack.ts';
import { startCapacityProxy } from './capacity-proxy.ts';
import { startLoad } from './load-process.ts';
import type { Deployment } from './measure-load.ts';
import { makePlan } from './plan.ts';

export interface CapacityFigures {
  events: number;
  /** On-demand request units of DynamoDB, indexes included. */
  writeUnitsPerEvent: number;
  readUnitsPerEvent: number;
  writeUnitsPerEventByOperation: Record<string, number>;
}

const events = 600;
const towers = 10;

/** A short run through a proxy that asks DynamoDB what each request consumed; apart, so that it slows nothing else. */
export async function measureCapacity({ folder, assembly }: Deployment): Promise<CapacityFigures> {
  await using stopping = new AsyncDisposableStack();
  const engine = await startDynoxide();
  stopping.defer(() => engine.stop());
  const proxy = await startCapacityProxy(engine.endpoint);
  stopping.defer(() => proxy.close());
  const load = await startLoad();
  stopping.defer(() => load.stop());
  const stack = await startStack({
    dataDir: path.join(folder, 'capacity'),
    mqttPort: 0,
    httpPort: 0,
    assembly,
    dynamodbEndpoint: proxy.url,
    log: () => undefined,
  });
  stopping.defer(() => stack.stop());

  await loadNetwork(stack, makePlan(events, towers, load.urls).network);
  await load.connect(stack.addresses.mqtt, events, towers);
  proxy.take();
  const result = await load.run(events, null);
  const { write, read } = proxy.take();
  const perEvent = (units: Record<string, number>) =>
    Object.values(units).reduce((sum, count) => sum + count, 0) / result.events;
  return {
    events: result.events,
    writeUnitsPerEvent: perEvent(write),
    readUnitsPerEvent: perEvent(read),
    writeUnitsPerEventByOperation: Object.fromEntries(
      Object.entries(write).map(([operation, units]) => [operation, units / result.events]),
    ),
  };
}
