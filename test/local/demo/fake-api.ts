import * as z from 'zod';
import { operations } from '../../../functions/api/operations.ts';
import type { Operation } from '../../../functions/api/operation.ts';
import type { ApiAnswer, ApiRequest } from '../../../local/demo/api-client.ts';
import type { OpenCommand } from '../../../schemas/tower-command.ts';

const PlaceSchema = z.object({ towerId: z.string(), locker: z.number() });
const RequestSchema = z.object({ flow: z.enum(['dropoff', 'pickup']) });

interface Request {
  requestId: number;
  status: string;
  flow: string;
  tokenId: number | null;
  commandId: string | null;
}

/** One that an earlier run made. */
const unknown = { status: 'waiting', flow: 'dropoff', tokenId: null, commandId: null };

/**
 * Answers the demo's requests as the API would, as far as its stories look. A request that matches no operation, or that
 * the operation's own schemas refuse, throws.
 */
export function createFakeApi({ onOpen }: { onOpen: (command: OpenCommand) => void }) {
  const versions = new Map<string, number>();
  const requests = new Map<number, Request>();
  const used = new Set<string>();
  let last = 0;
  const next = () => (last += 1);

  const press = (path: string): void => {
    const request = requests.get(Number(path.split('/').at(-1)));
    if (request === undefined) throw new Error(`no link ${path}`);
    request.tokenId ??= next();
    request.commandId = `cmd-${next()}`;
    request.status = 'opening';
    onOpen({
      type: 'open',
      commandId: request.commandId,
      locker: 5,
      tokenId: request.tokenId,
      expiresAt: '2099-01-01T00:00:00.000Z',
    });
  };

  const answerTo = (operationId: string, { path, body }: ApiRequest): unknown => {
    const [, , , id = ''] = path.split('/');
    switch (operationId) {
      case 'createReservation':
        return { ...PlaceSchema.parse(body), reservationId: `RES-${next()}`, status: 'RESERVED' };
      case 'getLocker':
        return { status: 'available' };
      case 'getReservation':
        return { reservationId: id, status: 'STOCKED' };
      case 'createLockerOpenRequest': {
        const { flow } = RequestSchema.parse(body);
        const request = { requestId: next(), status: 'waiting', flow, tokenId: null, commandId: null };
        requests.set(request.requestId, request);
        return { ...request, link: `http://127.0.0.1:1/o/${request.requestId}` };
      }
      case 'getLockerOpenRequest':
        return { clientInfo: null, ...(requests.get(Number(id)) ?? { ...unknown, requestId: Number(id) }) };
      case 'pressLockerButton':
        return press(path);
      case 'createBooking':
        return { bookingId: `book-${next()}` };
      case 'createPosition':
        return { positionId: `pos-${next()}`, status: 'waiting' };
      case 'getPosition':
        return { positionId: id, status: 'waiting' };
      default:
        return { bookingId: id, positionId: id, reservationId: id, status: '' };
    }
  };

  return {
    /** Operations that were used. */
    used,
    /** A tower told what became of a command. */
    settle(commandId: string, outcome: 'opened' | 'refused'): void {
      for (const request of requests.values())
        if (request.commandId === commandId) request.status = outcome === 'opened' ? 'opened' : 'failed';
    },
    useToken(tokenId: number): void {
      for (const request of requests.values()) if (request.tokenId === tokenId) request.status = 'used';
    },
    answer(clientId: string | null, request: ApiRequest): ApiAnswer {
      const operation = operationOf(request);
      used.add(operation.operationId);
      if ((clientId === null) !== (operation.access === 'public'))
        throw new Error(`${operation.operationId} is for others`);
      check(operation, request);
      const body = answerTo(operation.operationId, request);
      const subject = request.path.split('/').slice(0, 4).join('/');
      const version = (versions.get(subject) ?? (request.path === subject ? 0 : 1)) + 1;
      if (request.method !== 'GET') versions.set(subject, version);
      return { status: operation.response.status, version, body };
    },
  };
}

function operationOf({ method, path }: ApiRequest): Operation {
  const found = operations.find(
    (operation) =>
      operation.method === method &&
      new RegExp(`^${operation.path.replaceAll(/\{\w+\}/g, '[^/]+')}$`).test(path),
  );
  if (found === undefined) throw new Error(`the API has no ${method} ${path}`);
  return found;
}

function check(operation: Operation, { body, form, ifMatch, method }: ApiRequest): void {
  const sent = form ?? body;
  if (operation.body === null ? sent !== undefined : !operation.body.safeParse(sent).success)
    throw new Error(`${operation.operationId} refuses ${JSON.stringify(sent)}`);
  if (method === 'PATCH' && ifMatch === undefined) throw new Error(`${operation.operationId} needs If-Match`);
}
