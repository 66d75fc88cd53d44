import { describe, expect, it } from 'vitest';
import { createStepwiseItem } from '../../../functions/shared/stepwise-item.ts';

interface Counter {
  count: number;
}

/** A stored counter, and processes that count it up, each with an item of its own. */
function makeStored() {
  const store: { value: Counter; loads: number; writes: number; refused: number } = {
    value: { count: 0 },
    loads: 0,
    writes: 0,
    refused: 0,
  };
  const makeProcess = () =>
    createStepwiseItem<string, Counter>({
      nameOf: (name) => name,
      async load() {
        store.loads += 1;
        return store.value;
      },
      async replace(_, before, after) {
        await new Promise(setImmediate);
        if (store.value.count !== before.count) {
          store.refused += 1;
          return null;
        }
        store.writes += 1;
        store.value = after;
        return after;
      },
    });
  return { store, makeProcess };
}

const countUp = (state: Counter) => ({ state: { count: state.count + 1 }, result: state.count + 1 });

describe('steps', () => {
  it('of several processes are all taken, each from what was stored', async () => {
    const { store, makeProcess } = makeStored();
    const processes = Array.from({ length: 6 }, makeProcess);
    const results = await Promise.all(
      processes.flatMap((item) => Array.from({ length: 10 }, async () => item.take('x', countUp))),
    );
    expect(store.value.count).toBe(60);
    expect(results.sort((a, b) => a - b)).toEqual(Array.from({ length: 60 }, (_, i) => i + 1));
  });

  it('of one process at the same time go into one write', async () => {
    const { store, makeProcess } = makeStored();
    const item = makeProcess();
    await Promise.all(Array.from({ length: 10 }, () => item.take('x', countUp)));
    expect(store).toMatchObject({ value: { count: 10 }, loads: 1, writes: 1 });
  });

  it('start from what is known, without reading again', async () => {
    const { store, makeProcess } = makeStored();
    const item = makeProcess();
    for (let index = 0; index < 5; index += 1) await item.take('x', countUp);
    expect(store).toMatchObject({ value: { count: 5 }, loads: 1, writes: 5 });
  });

  it('that change nothing are decided on what is stored, not on what is known', async () => {
    const { store, makeProcess } = makeStored();
    const [one, other] = [makeProcess(), makeProcess()];
    await one.take('x', countUp);
    await other.take('x', countUp);
    expect(await one.take('x', (state) => ({ state, result: state.count }))).toBe(2);
    expect(store.writes).toBe(2);
  });

  it('fail together when the item can’t be written, and go on afterwards', async () => {
    let isBroken = true;
    const item = createStepwiseItem<string, Counter>({
      nameOf: (name) => name,
      load: async () => ({ count: 0 }),
      async replace(_, __, after) {
        if (isBroken) throw new Error('no table');
        return after;
      },
    });
    const outcomes = await Promise.allSettled([item.take('x', countUp), item.take('x', countUp)]);
    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    isBroken = false;
    expect(await item.take('x', countUp)).toBe(1);
  });

  it('give up when others are always ahead', async () => {
    const item = createStepwiseItem<string, Counter>({
      nameOf: (name) => name,
      load: async () => ({ count: 0 }),
      replace: async () => null,
    });
    await expect(item.take('x', countUp)).rejects.toMatchObject({ code: 'item_contended' });
  });
});
