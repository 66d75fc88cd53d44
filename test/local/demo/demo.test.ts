import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startDemo, type Demo } from '../../../local/demo/demo.ts';
import { Waiting } from '../../../local/demo/waiting.ts';
import { startTarget, type Target } from '../network/target.ts';
import { startBroker, type Broker } from './broker.ts';

/** What a demo wrote, line by line. */
function createScreen() {
  const lines: string[] = [];
  const waiting = new Waiting();
  return {
    lines,
    write: (text: string) => {
      lines.push(...text.split('\n'));
      waiting.look();
    },
    waitFor: (pattern: RegExp) =>
      waiting.until(
        () => lines.find((line) => pattern.test(line)),
        20_000,
        () => `${pattern} in\n${lines.join('\n')}`,
      ),
  };
}

const fromTowers = ({ published }: Broker) => published.map(({ payload }): unknown => JSON.parse(payload));

const boots = (published: Broker['published']) =>
  published.map(({ payload }) => /"boot":"(\w+)"/.exec(payload)?.[1] ?? 'none');

const towers = (items: Record<string, unknown>[]) => items.filter((item) => item['kind'] === 'tower');

describe('the demo', () => {
  let target: Target;
  let broker: Broker;
  let demo: Demo | null;
  beforeEach(async () => {
    [target, broker] = await Promise.all([startTarget(), startBroker()]);
    demo = null;
  });
  afterEach(async () => {
    await demo?.stop();
    await Promise.all([target.stop(), broker.stop()]);
  });
  const start = async () => {
    const screen = createScreen();
    const stack = { ...target, addresses: { ...target.addresses, mqtt: broker.url } };
    demo = await startDemo(stack, { write: screen.write, colour: false });
    return screen;
  };

  it('seeds its network, explains itself, and shows what towers and partners do', async () => {
    const screen = await start();
    const port = new URL(broker.url).port;
    expect(screen.lines.join('\n')).toContain(`mosquitto_pub -p ${port} -i 0000000000000001 -q 1`);
    await screen.waitFor(/● {3}0000000000000003 +tower\.started/);
    await screen.waitFor(/● {3}\d{16} +\d+ {2}reservation\.reserved +\w+ asked for RES-/);
    await screen.waitFor(/● {3}\d{16} +\d+ {2}locker\.opened/);
    expect(fromTowers(broker)).toContainEqual(
      expect.objectContaining({ v: 1, seq: 1, type: 'tower.started', firmware: '4.2.0' }),
    );
    const kinds = new Set((await target.items('entities-test')).map((item) => item['kind']));
    for (const kind of ['tower', 'locker', 'partner', 'endpoint', 'reservation'])
      expect(kinds).toContain(kind);
  });

  it('starts again on what it left: another boot, nothing seeded twice', async () => {
    const first = await start();
    await first.waitFor(/reservation\.reserved/);
    await demo?.stop();
    const before = await target.items('entities-test');
    const published = broker.published.length;
    const second = await start();
    await second.waitFor(/reservation\.reserved/);
    await demo?.stop();
    expect(second.lines.filter((line) => line.startsWith('demo:'))).toEqual([]);
    const [earlier, later] = [broker.published.slice(0, published), broker.published.slice(published)];
    expect(boots(later).filter((boot) => boots(earlier).includes(boot))).toEqual([]);
    expect(towers(await target.items('entities-test'))).toEqual(towers(before));
  });

  it('falls silent when its traffic stops', async () => {
    const screen = await start();
    await screen.waitFor(/locker\.opened/);
    await demo?.stopTraffic();
    const written = screen.lines.length;
    await demo?.stop();
    expect(screen.lines).toHaveLength(written);
  });
});
