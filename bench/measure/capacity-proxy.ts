import {
  createServer,
  request as httpRequest,
  type ClientRequest,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import { buffer } from 'node:stream/consumers';
import * as z from 'zod';

/** Capacity units by operation, as DynamoDB itself reports them. */
export interface Capacity {
  readonly write: Record<string, number>;
  readonly read: Record<string, number>;
}

export interface CapacityProxy<Caller extends string> {
  /** Each caller has a port of its own, by which it is known. */
  readonly urls: ReadonlyMap<Caller, string>;
  /** What each consumed since the last call. */
  take(): Map<Caller, Capacity>;
  close(): void;
}

const ConsumedSchema = z.object({
  CapacityUnits: z.number().default(0),
  WriteCapacityUnits: z.number().optional(),
  ReadCapacityUnits: z.number().optional(),
});
const ResponseSchema = z.object({
  ConsumedCapacity: z.union([ConsumedSchema, z.array(ConsumedSchema)]).optional(),
});

/** Operations that report capacity, and whether they write. */
const metered: Readonly<Record<string, boolean>> = {
  PutItem: true,
  UpdateItem: true,
  DeleteItem: true,
  BatchWriteItem: true,
  TransactWriteItems: true,
  BatchExecuteStatement: true,
  GetItem: false,
  BatchGetItem: false,
  Query: false,
  Scan: false,
};

/** Stands between the stack and its DynamoDB engine and asks each request what it consumed. */
export async function startCapacityProxy<Caller extends string>(
  target: string,
  callers: readonly Caller[],
): Promise<CapacityProxy<Caller>> {
  const consumed = new Map<Caller, Capacity>();
  const note = (caller: Caller) => (writes: boolean, operation: string, units: number) => {
    const capacity = consumed.get(caller) ?? { write: {}, read: {} };
    consumed.set(caller, capacity);
    add(writes ? capacity.write : capacity.read, operation, units);
  };
  const servers = await Promise.all(
    callers.map(async (caller) => ({ caller, ...(await listen(new URL(target), note(caller))) })),
  );
  return {
    urls: new Map(servers.map(({ caller, url }) => [caller, url])),
    take: () => {
      const taken = new Map(consumed);
      consumed.clear();
      return taken;
    },
    close: () => {
      for (const { server } of servers) {
        server.close();
        server.closeAllConnections();
      }
    },
  };
}

type Note = (writes: boolean, operation: string, units: number) => void;

async function listen({ hostname, port }: URL, note: Note): Promise<{ server: Server; url: string }> {
  const forward = async (incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> => {
    const operation = String(incoming.headers['x-amz-target']).split('.')[1] ?? '';
    const writes = metered[operation];
    const sent = await buffer(incoming);
    const body = writes === undefined ? sent : withCapacity(sent);
    const headers = { ...incoming.headers, 'content-length': String(body.length) };
    const forwarded = httpRequest({ hostname, port, method: incoming.method, path: incoming.url, headers });
    forwarded.end(body);
    const response = await responseOf(forwarded);
    const answer = await buffer(response);
    if (writes !== undefined && response.statusCode === 200) note(writes, operation, unitsOf(answer, writes));
    outgoing.writeHead(response.statusCode ?? 502, response.headers).end(answer);
  };
  const server = createServer((incoming, outgoing) => {
    forward(incoming, outgoing).catch(() => outgoing.destroy());
  });
  const url = await new Promise<string>((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      const bound = server.address();
      resolve(typeof bound === 'object' && bound !== null ? `http://127.0.0.1:${bound.port}` : '');
    });
  });
  return { server, url };
}

const responseOf = (request: ClientRequest): Promise<IncomingMessage> =>
  new Promise((resolve, reject) => {
    request.once('response', resolve).once('error', reject);
  });

const RequestSchema = z.record(z.string(), z.json());

function withCapacity(body: Buffer): Buffer {
  const request = RequestSchema.parse(JSON.parse(body.toString()));
  return Buffer.from(JSON.stringify({ ...request, ReturnConsumedCapacity: 'TOTAL' }));
}

function unitsOf(answer: Buffer, writes: boolean): number {
  const { ConsumedCapacity: consumed } = ResponseSchema.parse(JSON.parse(answer.toString()));
  const parts = consumed === undefined ? [] : Array.isArray(consumed) ? consumed : [consumed];
  return parts.reduce(
    (sum, part) => sum + ((writes ? part.WriteCapacityUnits : part.ReadCapacityUnits) ?? part.CapacityUnits),
    0,
  );
}

function add(to: Record<string, number>, operation: string, units: number): void {
  to[operation] = (to[operation] ?? 0) + units;
}

/** Of all callers together. */
export const totalCapacity = (consumed: ReadonlyMap<string, Capacity>): Capacity => {
  const total: Capacity = { write: {}, read: {} };
  for (const { write, read } of consumed.values()) {
    for (const [operation, units] of Object.entries(write)) add(total.write, operation, units);
    for (const [operation, units] of Object.entries(read)) add(total.read, operation, units);
  }
  return total;
};
