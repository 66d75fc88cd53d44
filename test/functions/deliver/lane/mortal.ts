import type { DeliverHandlerDeps } from '../../../../functions/deliver/create-handler.ts';
import type { VirtualTime } from './virtual-time.ts';

export interface Fate {
  time: VirtualTime;
  random: () => number;
  /** Whether this happens at this moment. */
  hits: (kind: 'death' | 'error') => boolean;
}

/**
 * The same, for one invocation that may die at any call to the outside, before it or after it: from then on nothing that
 * it does has any effect. Or the call rejects, and nothing has happened.
 */
export function mortal(deps: DeliverHandlerDeps, { time, random, hits }: Fate): DeliverHandlerDeps {
  let isDead = false;
  const mayDie = (name: string): void => {
    if (!isDead && hits('death')) isDead = true;
    if (isDead) throw new Error(`died at ${name}`);
  };
  const call = async <T>(name: string, effect: () => Promise<T>): Promise<T> => {
    await time.sleep(random() * 20);
    mayDie(name);
    if (name !== 'post' && hits('error')) throw new Error(`error at ${name}`);
    const result = await effect();
    mayDie(name);
    return result;
  };
  const { lanes, store, tasks, events, http } = deps;
  return {
    ...deps,
    lanes: {
      read: async (ref) => call('read', () => lanes.read(ref)),
      waiting: async (ref, sequence) => call('waiting', () => lanes.waiting(ref, sequence)),
      write: async (change) => call('write', () => lanes.write(change)),
      writeFromWaiting: async (change) => call('claim', () => lanes.writeFromWaiting(change)),
      append: async (change, waiting, record) => call('append', () => lanes.append(change, waiting, record)),
      writeWithEvent: async (change, event) => call('skip', () => lanes.writeWithEvent(change, event)),
    },
    store: {
      get: async (ref) => call('get', () => store.get(ref)),
      put: async (record) => call('put', () => store.put(record)),
      advance: async (record, below, notice) => call('advance', () => store.advance(record, below, notice)),
    },
    events: { get: async (eventId) => call('event', () => events.get(eventId)) },
    tasks: { send: async (some) => call('send', () => tasks.send(some)) },
    handOver: async (record) => call('hand over', () => deps.handOver(record)),
    http: { post: async (request) => call('post', () => http.post(request)) },
  };
}
