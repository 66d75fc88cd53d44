import { instantFromMs } from '../../../schemas/instant.ts';
import type { DemoLock } from '../network.ts';
import { pause, type Random, type Step, type Story } from './step.ts';

type Fact = 'access.locked' | 'access.unlocked' | 'access.denied';

export interface AccessPlot {
  lock: DemoLock;
  /** Epoch milliseconds. */
  now: () => number;
  random: Random;
}

/** Somebody comes through a gate, with an integrator's key or one that was shared in the app. */
export function* accessStory({ lock, random }: AccessPlot): Story {
  const key = chooseKey(lock, random);
  if (random() < 0.15) yield use(lock, key, 'access.denied', 'is refused, which no webhook tells');
  const how = isIntegrators(key) ? '' : ' with a key of the app, so no webhook';
  yield use(lock, key, 'access.unlocked', `unlocks${how}`);
  yield pause(random);
  yield use(lock, key, 'access.locked', `locks${how}`);
}

const offlineMs = 20 * 60_000;

/** A tower that had no network tells what its gate saw: with the time when it happened. */
export function* offlineAccessStory({ lock, now, random }: AccessPlot): Story {
  const { lockId, towerId, locker } = lock;
  const { keyId, userName } = chooseKey({ ...lock, keys: lock.keys.filter(isIntegrators) }, random);
  const at = (seconds: number) => instantFromMs(now() - offlineMs + seconds * 1_000);
  yield {
    kind: 'report',
    towerId,
    reports: [
      { type: 'access.unlocked', keyId, lockId, at: at(0) },
      { type: 'access.locked', keyId, lockId, at: at(40) },
    ],
    say: `${lock.name}: ${userName}, 20 minutes ago: the tower was offline`,
    about: { locker },
  };
}

type Key = DemoLock['keys'][number];

const isIntegrators = ({ origin }: Key): boolean => origin === 'integrator';

function chooseKey({ keys, name }: Pick<DemoLock, 'keys' | 'name'>, random: Random): Key {
  const key = keys[Math.floor(random() * keys.length)];
  if (key === undefined) throw new TypeError(`${name} has no key`);
  return key;
}

const use = ({ lockId, towerId, locker, name }: DemoLock, key: Key, type: Fact, does: string): Step => ({
  kind: 'report',
  towerId,
  reports: [{ type, keyId: key.keyId, lockId }],
  say: `${name}: ${key.userName} ${does}`,
  about: { locker },
});
