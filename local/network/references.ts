import { endpointMistakes } from './endpoint-mistakes.ts';
import { addOrUse, unknownTower, type Id, type Known } from './known.ts';
import { OutlineSchema, type Outline } from './outline.ts';
import type { Mistake } from './mistake.ts';

interface Located {
  path: string;
  id: Id | undefined;
}

/** What does not fit together in a network file: unknown towers, lockers and partners, ids used twice, … */
export function referenceMistakes(file: unknown): Mistake[] {
  const outline = OutlineSchema.parse(file);
  const known: Known = {
    partnerIds: new Set(outline.partners.flatMap(({ partnerId }) => partnerId ?? [])),
    towers: new Map(
      outline.towers.flatMap(({ towerId, lockers }) =>
        towerId === undefined ? [] : [[towerId, new Set(lockers.flatMap(({ locker }) => locker ?? []))]],
      ),
    ),
  };
  return [
    ...identified(outline).flatMap(duplicateMistakes),
    ...outline.towers.flatMap(({ partnerIds }, t) =>
      partnerIds.flatMap((id, i) => unknownPartner(known, { path: `towers[${t}].partnerIds[${i}]`, id })),
    ),
    ...(['reservations', 'lockerOpenRequests', 'keys'] as const).flatMap((section) =>
      outline[section].flatMap((entry, i) => placeMistakes(known, `${section}[${i}]`, entry)),
    ),
    ...lockMistakes(outline.keys),
    ...outline.endpoints.flatMap(({ partnerId }, i) =>
      unknownPartner(known, { path: `endpoints[${i}].partnerId`, id: partnerId }),
    ),
    ...outline.endpoints.flatMap((endpoint, i) => endpointMistakes(known, `endpoints[${i}]`, endpoint)),
  ];
}

const located = <T>(
  section: string,
  entries: readonly T[],
  field: string,
  id: (entry: T) => Id | undefined,
): Located[] => entries.map((entry, i) => ({ path: `${section}[${i}].${field}`, id: id(entry) }));

/** Each group holds ids that must differ. */
function identified(outline: Outline): Located[][] {
  return [
    located('towers', outline.towers, 'towerId', (tower) => tower.towerId),
    ...outline.towers.map(({ lockers }, t) =>
      located(`towers[${t}].lockers`, lockers, 'locker', ({ locker }) => locker),
    ),
    located('partners', outline.partners, 'partnerId', (partner) => partner.partnerId),
    located('endpoints', outline.endpoints, 'endpointId', (endpoint) => endpoint.endpointId),
    located('reservations', outline.reservations, 'reservationId', ({ reservationId }) => reservationId),
    located('lockerOpenRequests', outline.lockerOpenRequests, 'requestId', ({ requestId }) => requestId),
    outline.lockerOpenRequests.flatMap(({ tokens }, r) =>
      located(`lockerOpenRequests[${r}].tokens`, tokens, 'tokenId', ({ tokenId }) => tokenId),
    ),
    located('keys', outline.keys, 'keyId', ({ keyId }) => keyId),
  ];
}

function duplicateMistakes(ids: readonly Located[]): Mistake[] {
  const first = new Map<Id, string>();
  return ids.flatMap(({ path, id }) => {
    if (id === undefined) return [];
    const before = first.get(id);
    if (before === undefined) first.set(id, path);
    return before === undefined
      ? []
      : [{ path, message: `"${id}" is taken by ${before}: give each its own, or remove one` }];
  });
}

/** What keys of one lock say of it. `lockName` may be left out. */
const lockFields = ['partnerId', 'towerId', 'locker', 'lockName'] as const;

function lockMistakes(keys: Outline['keys']): Mistake[] {
  return keys.flatMap((key, i) =>
    lockFields.flatMap((field) => {
      const other = keys.findIndex(
        ({ lockId, [field]: value }) => lockId === key.lockId && value !== undefined,
      );
      if (key.lockId === undefined || key[field] === undefined || other === -1 || other === i) return [];
      if (keys[other]?.[field] === key[field]) return [];
      const message = `keys[${other}] says otherwise of lock "${key.lockId}": let both say the same`;
      return [{ path: `keys[${i}].${field}`, message }];
    }),
  );
}

function unknownPartner(known: Known, { path, id }: Located): Mistake[] {
  return id === undefined || known.partnerIds.has(id)
    ? []
    : [{ path, message: `"${id}" is no partner of this file: ${addOrUse('partners', known.partnerIds)}` }];
}

interface Place {
  partnerId?: string | undefined;
  towerId?: string | undefined;
  locker?: number | undefined;
}

function placeMistakes(known: Known, path: string, { partnerId, towerId, locker }: Place): Mistake[] {
  const mistakes = unknownPartner(known, { path: `${path}.partnerId`, id: partnerId });
  if (towerId === undefined) return mistakes;
  const lockers = known.towers.get(towerId);
  if (lockers === undefined) return [...mistakes, unknownTower(known, `${path}.towerId`, towerId)];
  if (locker === undefined || lockers.has(locker)) return mistakes;
  const message = `tower ${towerId} has no locker ${locker}: ${addOrUse("the tower's lockers", lockers)}`;
  return [...mistakes, { path: `${path}.locker`, message }];
}
