import { describe, expect, it } from 'vitest';
import { deliver } from '../../../functions/deliver/delivery.ts';
import type { Entry, Made } from '../../../functions/deliver/gate.ts';
import type { Channel } from '../../../functions/shared/queue.ts';
import type { SecretsOpener } from '../../../functions/shared/secrets.ts';
import { makeAttempts, makeEvent, makeTask } from '../../helpers/deliveries.ts';
import { makeWorld, responds } from './world.ts';

/** A world whose gate gives this entry, and what it was asked and told. */
function makeGated(entry: Entry, options: Parameters<typeof makeWorld>[0] = {}) {
  const world = makeWorld(options);
  const asked: Channel[] = [];
  const gate = {
    async enter(_endpoint: unknown, _task: unknown, channel: Channel) {
      asked.push(channel);
      return entry;
    },
  };
  return { ...world, asked, deps: { ...world.deps, gate } };
}

const over = (channel: Channel) => ({ channel, count: 1 });
const slotAt = '2026-03-20T09:16:00.000Z';

describe('a delivery that the gate keeps back', () => {
  it('is parked in its endpoint’s backlog without an attempt', async () => {
    const world = makeGated({ kind: 'park', reason: 'breaker_open' });
    await deliver(world.deps, makeTask({ attempts: makeAttempts(1) }), over('slow'));
    expect([...world.records.values()]).toMatchObject([
      {
        status: 'pending',
        reason: 'breaker_open',
        waitsFor: 'endpoint',
        dueAt: makeEvent().receivedAt,
        attempts: makeAttempts(1),
      },
    ]);
    expect([world.posts, world.sent]).toEqual([[], []]);
    expect(world.observer.total('DeliveriesParked')).toBe(1);
  });

  it('takes the way of the slow as the same task', async () => {
    const world = makeGated({ kind: 'divert' });
    await deliver(world.deps, makeTask(), over('live'));
    expect(world.sent).toEqual([{ task: makeTask(), delaySeconds: 0, via: 'slow' }]);
    expect([world.posts, [...world.records]]).toEqual([[], []]);
    expect(world.observer.total('DeliveriesDiverted')).toBe(1);
  });

  it.each(['live', 'slow'] as const)(
    'comes again in its turn, over the %s queue as before',
    async (channel) => {
      const world = makeGated({ kind: 'later', delaySeconds: 12, slotAt, reason: 'rate_limited' });
      await deliver(world.deps, makeTask(), over(channel));
      expect(world.sent).toEqual([{ task: makeTask({ slotAt }), delaySeconds: 12, via: channel }]);
      expect([world.posts, [...world.records]]).toEqual([[], []]);
      expect(world.asked).toEqual([channel]);
    },
  );
});

describe('a delivery that the gate lets go', () => {
  it('tells it what came of the attempt, once, before that is recorded', async () => {
    const told: (Made | null)[] = [];
    const world = makeGated({
      kind: 'go',
      begin: () => world.journal.push('begin'),
      leave: async (made) => {
        told.push(made);
        world.journal.push('leave');
      },
    });
    await deliver(world.deps, makeTask(), over('live'));
    expect(told).toMatchObject([{ attempt: { outcome: 'delivered' }, verdict: { kind: 'delivered' } }]);
    expect(world.journal).toEqual(['begin', 'post', 'leave', 'put']);
  });

  it('tells it when the request begins: what its secrets take is not the endpoint’s time', async () => {
    const begin = () => world.journal.push('begin');
    const world = makeGated({ kind: 'go', begin, leave: async () => undefined });
    const secrets: SecretsOpener = {
      async open(endpoint) {
        world.journal.push('open');
        return world.deps.secrets.open(endpoint);
      },
    };
    await deliver({ ...world.deps, secrets }, makeTask(), over('live'));
    expect(world.journal).toEqual(['open', 'begin', 'post', 'put']);
  });

  it('tells it when no attempt was made after all', async () => {
    const told: (Made | null)[] = [];
    const world = makeGated({
      kind: 'go',
      begin: () => told.push(null),
      leave: async (made) => void told.push(made),
    });
    const secrets = { open: async () => Promise.reject(new Error('no key')) };
    const task = deliver({ ...world.deps, secrets }, makeTask(), over('live'));
    await expect(task).rejects.toThrow('no key');
    expect(told).toEqual([null]);
  });

  it('needs a new turn for its next attempt, which happens now', async () => {
    const world = makeGated(
      { kind: 'go', begin: () => undefined, leave: async () => undefined },
      { answer: () => responds(500) },
    );
    await deliver(world.deps, makeTask({ slotAt, yields: true }), over('live'));
    expect(world.sent).toHaveLength(1);
    expect(world.sent[0]?.task).not.toHaveProperty('slotAt');
    expect(world.sent[0]?.task).not.toHaveProperty('yields');
  });
});
