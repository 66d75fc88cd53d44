import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  cancelLockerOpenRequest,
  expireLockerOpenRequest,
  useLinkAgain,
  type RequestEnding,
} from '../../../functions/domain/link-use.ts';
import type { LinkedOpening } from '../../../functions/domain/link.ts';
import { createCommit, type Commit } from '../../../functions/shared/commit.ts';
import { entityItem } from '../../../functions/shared/entity-item.ts';
import type { Command } from '../../../schemas/entity.ts';
import { startTables, type Tables } from '../shared/tables.ts';
import { locker, request, token } from './samples.ts';

const now = '2026-03-20T09:30:00.000Z';
const refused: Command = {
  kind: 'command',
  commandId: 'first',
  partnerId: request.partnerId,
  towerId: request.towerId,
  locker: request.locker,
  requestId: request.requestId,
  tokenId: token.tokenId,
  sentAt: '2026-03-20T09:00:00.000Z',
  expiresAt: '2026-03-20T09:00:30.000Z',
  outcome: 'refused',
  reason: null,
  settledAt: '2026-03-20T09:00:01.000Z',
  dueAt: null,
  version: 1,
};
/** As two who act at the same time have loaded it. */
const opening = {
  request: { ...request, flow: 'dropoff', tokenId: token.tokenId, dueAt: now, version: 1 },
  locker: { ...locker, status: 'rented', holderId: request.partnerId, version: 1 },
  token: { ...token, commandId: 'first', version: 1 },
  command: refused,
} as const satisfies LinkedOpening;

let tables: Tables;
let commit: Commit;
beforeEach(async () => {
  tables = await startTables();
  commit = createCommit(tables);
  for (const entity of [opening.request, opening.locker, opening.token, opening.command])
    await tables.put(tables.entitiesTable, entityItem(entity, tables.dueShards));
});
afterEach(async () => tables[Symbol.asyncDispose]());

const again = () =>
  useLinkAgain(opening.request, opening.token, { commandId: 'second', now, lifeMs: 30_000 });

function decided(ending: RequestEnding | null) {
  if (ending?.kind !== 'ended') throw new Error('it did not end');
  return ending;
}

describe('another command for a token', () => {
  describe.each([
    ['canceled', () => decided(cancelLockerOpenRequest(opening, now))],
    ['expired', () => decided(expireLockerOpenRequest(opening, now))],
  ])('of a request that is %s at the same time', (_, end) => {
    it('keeps the locker when it is first', async () => {
      expect(await commit(again())).toEqual({ kind: 'committed' });
      expect(await commit(end())).toMatchObject({ kind: 'rejected', conflicts: true });
    });

    it('is not sent when it is second', async () => {
      expect(await commit(end())).toEqual({ kind: 'committed' });
      expect(await commit(again())).toMatchObject({ kind: 'rejected', conflicts: true });
    });
  });
});

describe('a request whose command opened the locker', () => {
  it('is over, also before its token is known to be used', () => {
    const command = { ...refused, outcome: 'opened' as const };
    expect(cancelLockerOpenRequest({ ...opening, command }, now)).toEqual({ kind: 'over' });
  });
});
