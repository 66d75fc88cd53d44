import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Operation } from '../../functions/api/operation.ts';
import { operations } from '../../functions/api/operations.ts';
import { signIn, type ApiAnswer, type ApiClient } from '../helpers/api-client.ts';
import {
  fixtures,
  intruder,
  makeOwned,
  owner,
  ownTower,
  sharedTower,
  type Attempt,
  type Fixture,
  type Owned,
} from './tenancy-fixtures.ts';
import { startWorld, type World } from './world.ts';

const lockers = Array.from({ length: 9 }, (_, index) => ({ locker: index + 1 }));
let world: World;
let owned: Owned;
let own: ApiClient;
let foreign: ApiClient;

beforeAll(async () => {
  world = await startWorld({
    network: () => ({
      towers: [
        { towerId: ownTower, partnerIds: [owner], lockers },
        { towerId: sharedTower, partnerIds: [owner, intruder], lockers },
      ],
      partners: [
        { partnerId: owner, clientIds: [`${owner}-backend`] },
        { partnerId: intruder, clientIds: [`${intruder}-backend`] },
      ],
    }),
  });
  own = await signIn(world.stack.ready, `${owner}-backend`, 'partner');
  foreign = await signIn(world.stack.ready, `${intruder}-backend`, 'partner');
  world.receiver.expect('/hook');
  owned = await makeOwned(world, own, world.receiver.url('/hook'));
});
afterAll(() => world[Symbol.asyncDispose]());

/** `*` matches any version, so that no precondition comes before the question whose it is. */
const send = (client: ApiClient, { method, path }: Operation, { params = {}, ...call }: Attempt) =>
  client.call(
    method,
    path.replaceAll(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(params[name] ?? `{${name}}`)),
    { ...call, headers: { 'if-match': '*', ...call.headers } },
  );

/** Ids that belong to the owner and that nobody else has. */
const secretIds = () => {
  const { locker: _, partnerId: __, projectId: ___, ...ids } = owned;
  return Object.values(ids);
};
const shownIn = ({ text }: ApiAnswer) =>
  secretIds().filter((id) => text.includes(`"${id}"`) || text.includes(`:${id},`));

/** What only reads comes first, and what deletes last: each finds the owner's things still there. */
const methods = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'];
const ofPartners = operations
  .filter(({ access }) => access === 'any' || access === 'partner')
  .toSorted((a, b) => methods.indexOf(a.method) - methods.indexOf(b.method));

/** Operations with their fixtures of one kind. */
const withFixture = <K extends Fixture['kind']>(kind: K) =>
  ofPartners.flatMap((operation) => {
    const fixture = fixtures[operation.operationId];
    return fixture !== undefined && isKind(fixture, kind) ? [{ ...operation, operation, fixture }] : [];
  });
const isKind = <K extends Fixture['kind']>(
  fixture: Fixture,
  kind: K,
): fixture is Extract<Fixture, { kind: K }> => fixture.kind === kind;

describe('every operation that partners may call', () => {
  it.each(ofPartners)('is tried with another partner’s ids: $operationId', ({ operationId }) => {
    expect(Object.keys(fixtures), 'add a fixture to tenancy-fixtures.ts').toContain(operationId);
  });

  it('is still there: no fixture is left over', () => {
    const known = new Set(ofPartners.map(({ operationId }) => operationId));
    expect(Object.keys(fixtures).filter((operationId) => !known.has(operationId))).toEqual([]);
  });
});

describe('what belongs to a partner', () => {
  it.each(withFixture('list'))('is in no list of another: $operationId', async ({ operation, fixture }) => {
    const attempt = fixture.attempt?.(owned) ?? {};
    const [theirs, mine] = [await send(foreign, operation, attempt), await send(own, operation, attempt)];
    expect([200, 404]).toContain(theirs.status);
    expect(shownIn(theirs)).toEqual([]);
    expect(mine.status).toBe(200);
    expect(shownIn(mine)).not.toEqual([]);
    const query = { ...attempt.query, partnerId: owner };
    // 400 where the list takes no partner.
    expect([400, 404]).toContain((await send(foreign, operation, { ...attempt, query })).status);
  });

  it.each(withFixture('foreign'))(
    'is out of reach for another: $operationId ($method $path)',
    async ({ operation, fixture }) => {
      const attempts = fixture.attempts(owned);
      for (const attempt of [...attempts, ...(fixture.onlyIntruder?.(owned) ?? [])]) {
        const theirs = await send(foreign, operation, attempt);
        expect({ attempt, ...theirs }).toMatchObject({ status: 404, json: { code: 'not_found' } });
        expect(shownIn(theirs)).toEqual([]);
      }
      // Else the 404 would prove nothing: the same request, by the owner, finds what it names. 405 and 409 are about that.
      for (const attempt of attempts) {
        const { status } = await send(own, operation, attempt);
        expect({ attempt, isFound: [200, 201, 202, 204, 405, 409].includes(status), status }).toMatchObject({
          isFound: true,
        });
      }
    },
  );
});

describe('what belongs to operators', () => {
  const ofOperators = operations.filter(({ access }) => access === 'operator');

  it.each(ofOperators)('is out of reach for partners: $operationId ($method $path)', async (operation) => {
    const answer = await send(own, operation, { params: owned });
    expect(answer.status).toBe(403);
    expect(answer.headers.get('www-authenticate')).toContain('insufficient_scope');
  });
});

describe('what is public', () => {
  const isPublic = operations.filter(({ access }) => access === 'public');

  it('is reached by a link alone', () => {
    expect([...new Set(isPublic.map(({ path }) => path))]).toEqual(['/o/{link}']);
  });
});

describe('at a tower that two partners use', () => {
  it('neither sees the other’s name nor who holds a locker', async () => {
    await own.call('POST', '/v1/locker-open-requests', { body: { towerId: sharedTower, flow: 'dropoff' } });
    const tower = await foreign.call('GET', `/v1/towers/${sharedTower}`);
    expect(tower.json).toEqual({ towerId: sharedTower, partnerIds: [intruder] });
    const seen = await foreign.call('GET', `/v1/towers/${sharedTower}/lockers`);
    expect(seen.text).not.toContain(owner);
    expect((await own.call('GET', `/v1/towers/${sharedTower}/lockers`)).text).toContain(owner);
  });
});
