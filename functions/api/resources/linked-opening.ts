import type { LockerOpenRequest } from '../../../schemas/entity.ts';
import type { LinkedOpening } from '../../domain/link.ts';
import { TowercastError } from '../../shared/errors.ts';
import type { Services } from '../services.ts';

/** Requests with all that belongs to them, in their order. Throws TowercastError `locker_missing`. */
export async function loadOpenings(
  { entities }: Pick<Services, 'entities'>,
  requests: readonly LockerOpenRequest[],
): Promise<LinkedOpening[]> {
  const tokenRefs = requests.flatMap(({ tokenId }) =>
    tokenId === undefined ? [] : [{ kind: 'token', tokenId } as const],
  );
  const stored = await entities.getMany([...requests.map(lockerOf), ...tokenRefs]);
  const commandRefs = tokenRefs.flatMap((ref) => {
    const commandId = stored.get(ref)?.commandId;
    return commandId === undefined ? [] : [{ kind: 'command', commandId } as const];
  });
  const commands = await entities.getMany(commandRefs);
  return requests.map((request) => {
    const locker = stored.get(lockerOf(request));
    if (locker === null)
      throw new TowercastError('locker_missing', `request ${request.requestId} has no locker`);
    const token =
      request.tokenId === undefined ? null : stored.get({ kind: 'token', tokenId: request.tokenId });
    const command =
      token?.commandId === undefined ? null : commands.get({ kind: 'command', commandId: token.commandId });
    return { request, locker, token, command };
  });
}

const lockerOf = ({ towerId, locker }: LockerOpenRequest) => ({ kind: 'locker', towerId, locker }) as const;
