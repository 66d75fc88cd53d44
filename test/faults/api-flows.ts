import * as z from 'zod';
import { postOnce } from './asking.ts';
import type { Flow, Scene } from './flow.ts';
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
};

export const apiFlows = { book, point, register, replay };
