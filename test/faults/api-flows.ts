import * as z from 'zod';
import { postOnce } from './asking.ts';
import { entityOf, type Flow, type Scene } from './flow.ts';
import { caseSecret } from './secret.ts';
import { towerFlows } from './tower-flows.ts';

const booking = (tag: string) => ({
  departmentId: tag,
  start: '2026-03-21T10:00:00Z',
  end: '2026-03-21T11:00:00Z',
  numberOfPeople: 4,
  customer: { name: 'Ada Lovelace', email: 'ada@example.com' },
});

/** A POST that commits state and event. */
const book: Flow = {
  name: 'book',
  events: ['booking.added'],
  async drive(scene) {
    await postOnce(scene, '/v1/bookings', booking(scene.tag));
  },
  disagreement: ({ entities }) => {
    const bookings = entities.filter((one) => one['kind'] === 'booking');
    return bookings.length === 1 ? null : `${bookings.length} bookings`;
  },
};

/** Acknowledged by reading: an empty body, which repeats until the message was read. */
const point: Flow = {
  ...book,
  name: 'point',
  repeats: true,
  endpoint: { contract: 'message-pointer' },
  async drive(scene) {
    await book.drive(scene);
    const { id } = await scene.inbox.waitFor(() => true, 180_000);
    const partner = await scene.partner();
    await scene.until('the message to be marked as read', async () => {
      const answer = await partner.call('POST', `/message/${id}`).catch(() => null);
      if (answer !== null && answer.status < 300) return true;
      scene.refused();
      return false;
    });
  },
};

const IdSchema = z.object({ endpointId: z.string() });

/** An endpoint is registered, then tried with a sample event. */
const register: Flow = {
  name: 'register',
  events: ['locker.opened'],
  endpoint: { filter: { types: ['locker.forced'] } },
  async drive(scene) {
    const { world, tag } = scene;
    const body = { url: world.partnerUrl(`/${tag}`), contract: 'standard', secret: caseSecret };
    const answer = await postOnce(scene, '/v1/endpoints', body);
    const { endpointId } = answer.status < 300 ? IdSchema.parse(answer.json) : await findEndpoint(scene);
    await postOnce(scene, `/v1/endpoints/${endpointId}/test`, { type: 'locker.opened' });
  },
  disagreement: ({ entities }) => {
    const endpoints = entities.filter((one) => one['kind'] === 'endpoint');
    return endpoints.length === 2 ? null : `${endpoints.length} endpoints`;
  },
};

/** The answer was lost: the list tells. */
async function findEndpoint(scene: Scene): Promise<z.infer<typeof IdSchema>> {
  const others = () =>
    scene.state().entities.filter((one) => one['kind'] === 'endpoint' && one['endpointId'] !== scene.tag);
  await scene.until('the registered endpoint', () => others().length > 0);
  return IdSchema.parse(others()[0]);
}

/** What happened before an endpoint existed is sent to it from the log. */
const replay: Flow = {
  ...towerFlows.open,
  name: 'replay',
  endpoint: { filter: { types: ['locker.forced'] } },
  async drive(scene) {
    const { world, tag } = scene;
    await towerFlows.open.drive(scene);
    // Not before it is in the log: fan-out may be about to write it there, and to send it to nobody.
    await scene.until('the event in the log', () => scene.state().logged.length > 0);
    const body = {
      url: world.partnerUrl(`/${tag}`),
      contract: 'standard',
      secret: caseSecret,
      filter: { types: ['locker.opened'] },
    };
    const answer = await postOnce(scene, '/v1/endpoints', body);
    const { endpointId } = answer.status < 300 ? IdSchema.parse(answer.json) : await findEndpoint(scene);
    await postOnce(scene, '/v1/redrives', { endpointId, source: 'events' });
  },
  // What is sent may arrive before that is noted.
  disagreement: (state) => {
    const redrive = entityOf(state, 'redrive');
    return redrive?.['status'] === 'done' ? null : `redrive ${String(redrive?.['status'])}`;
  },
};

/** A second key signs beside the first. */
const rotate: Flow = {
  ...towerFlows.open,
  name: 'rotate',
  async drive(scene) {
    await postOnce(scene, `/v1/endpoints/${scene.tag}/rotate`, {});
    await towerFlows.open.drive(scene);
  },
  disagreement: (state) => {
    const version = entityOf(state, 'endpoint')?.['version'];
    return version === 2 ? null : `an endpoint of version ${String(version)}`;
  },
};

const PulledSchema = z.object({ items: z.array(z.object({ id: z.string() })), next: z.string() });

/** A partner that asks for what follows, again and again, and what it got. */
function puller(scene: Scene) {
  const ids: string[] = [];
  let after: string | undefined;
  const ask = async (wait = '0'): Promise<void> => {
    const partner = await scene.partner();
    const query = { wait, ...(after !== undefined && { after }) };
    const answer = await partner.call('GET', '/v1/events', { query }).catch(() => null);
    if (answer?.status !== 200) return scene.refused();
    const { items, next } = PulledSchema.parse(answer.json);
    ids.push(...items.map(({ id }) => id));
    after = next;
  };
  /** Each event once, in its order. */
  const askForAll = async (): Promise<void> => {
    await scene.until('the event to be pulled', async () => {
      await ask();
      return ids.length > 0 && scene.state().events.length > 0;
    });
    await ask();
    const known = scene.state().events.map(({ id }) => id);
    if (ids.join() !== known.join()) throw new Error(`pulled ${ids.join()} instead of ${known.join()}`);
  };
  return { ask, askForAll };
}

const pull: Flow = {
  ...towerFlows.open,
  name: 'pull',
  async drive(scene) {
    await towerFlows.open.drive(scene);
    await puller(scene).askForAll();
  },
};

/** The partner's first request is there before the event, and waits for it. */
const pullAndWait: Flow = {
  ...pull,
  name: 'pull and wait',
  async drive(scene) {
    const { ask, askForAll } = puller(scene);
    let isAnswered = false;
    const asking = ask('5').finally(() => (isAnswered = true));
    await scene.until(
      'a request that waits',
      () => isAnswered || entityOf(scene.state(), 'pull-limits') !== undefined,
    );
    await towerFlows.open.drive(scene);
    await asking;
    await askForAll();
  },
};

const LinkSchema = z.object({ link: z.url() });

/** Somebody presses the button behind a link, at a tower that is offline: the command expires. */
const knock: Flow = {
  name: 'knock',
  events: ['locker.assigned', 'locker.token_created', 'command.sent', 'command.expired'],
  async drive(scene) {
    const answer = await postOnce(scene, '/v1/locker-open-requests', { towerId: scene.tag, flow: 'dropoff' });
    const { link } = LinkSchema.parse(answer.json);
    await scene.until('the button to be pressed', async () => {
      const body = new URLSearchParams({ name: scene.tag });
      const pressed = await fetch(link, { method: 'POST', body, redirect: 'manual' }).catch(() => null);
      if (pressed?.status === 303) return true;
      scene.refused();
      return false;
    });
    await scene.until('the page to say so', async () => {
      const shown = await fetch(link).catch(() => null);
      if (shown?.status === 200) return true;
      scene.refused();
      return false;
    });
  },
  disagreement: (state) => {
    const outcome = entityOf(state, 'command')?.['outcome'];
    return outcome === 'expired' ? null : `a command that is ${String(outcome)}`;
  },
};

export const apiFlows = { book, point, register, replay, rotate, pull, pullAndWait, knock };
