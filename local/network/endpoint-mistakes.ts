import { isLoopbackHost } from '../../functions/shared/address-guard.ts';
import { expresses } from '../../schemas/contract-events.ts';
import { ContractNameSchema } from '../../schemas/contract.ts';
import { coversType } from '../../schemas/event-type-pattern.ts';
import { eventTypes } from '../../schemas/event.ts';
import { unknownTower, type Known } from './known.ts';
import type { Mistake } from './mistake.ts';
import type { Outline } from './outline.ts';

type EndpointOutline = Outline['endpoints'][number];

/** What is well-formed in an endpoint, and still can't work. */
export function endpointMistakes(known: Known, path: string, endpoint: EndpointOutline): Mistake[] {
  const { contract, detail, filter } = endpoint;
  return [
    ...urlMistakes(`${path}.url`, endpoint.url),
    ...typeMistakes(`${path}.filter.types`, endpoint),
    ...filter.towerIds.flatMap((towerId, i) =>
      towerId === undefined || known.towers.has(towerId)
        ? []
        : [unknownTower(known, `${path}.filter.towerIds[${i}]`, towerId)],
    ),
    ...lockerMistakes(known, `${path}.filter.lockers`, filter.lockers),
    ...(detail === 'thin' && contract !== undefined && contract !== 'standard' && contract !== 'cloudevents'
      ? [{ path: `${path}.detail`, message: 'is for the contracts "standard" and "cloudevents": remove it' }]
      : []),
  ];
}

function urlMistakes(path: string, text: string | undefined): Mistake[] {
  const url = text === undefined ? null : URL.parse(text);
  if (url === null) return [];
  const mistakes: Mistake[] = [];
  if (url.protocol === 'http:' && !isLoopbackHost(url))
    mistakes.push({
      path,
      message: `plain http is for this machine only: use https, or a loopback address such as 127.0.0.1`,
    });
  if (url.username !== '' || url.password !== '')
    mistakes.push({ path, message: 'must not contain credentials: put a token into auth' });
  return mistakes;
}

function typeMistakes(path: string, { contract, filter }: EndpointOutline): Mistake[] {
  const patterns = filter.types.filter((pattern) => pattern !== undefined);
  const unknown = filter.types.flatMap((pattern, i) =>
    pattern === undefined || eventTypes.some((type) => coversType(pattern, type))
      ? []
      : [{ path: `${path}[${i}]`, message: `"${pattern}" matches no event type: ${typeChoice(pattern)}` }],
  );
  const format = ContractNameSchema.safeParse(contract);
  if (unknown.length > 0 || patterns.length === 0 || !format.success) return unknown;
  const wanted = eventTypes.filter((type) => patterns.some((pattern) => coversType(pattern, type)));
  if (wanted.some((type) => expresses(format.data, { type, cause: 'tower' }))) return [];
  const sent = eventTypes.filter((type) => expresses(format.data, { type, cause: 'tower' }));
  return [
    {
      path,
      message: `lets nothing through, since the contract "${format.data}" sends only ${sent.join(', ')}`,
    },
  ];
}

/** The family's types when the family is right, else every family. */
function typeChoice(pattern: string): string {
  const family = `${pattern.split('.')[0]}.`;
  const near = eventTypes.filter((type) => type.startsWith(family));
  if (near.length > 0) return `use ${near.join(', ')}`;
  return `use ${[...new Set(eventTypes.map((type) => `${type.split('.')[0]}.*`))].join(', ')}`;
}

function lockerMistakes(known: Known, path: string, lockers: readonly (number | undefined)[]): Mistake[] {
  const towers = [...known.towers.values()];
  return lockers.flatMap((locker, i) =>
    locker === undefined || towers.some((numbers) => numbers.has(locker))
      ? []
      : [{ path: `${path}[${i}]`, message: `no tower of this file has a locker ${locker}: correct it` }],
  );
}
