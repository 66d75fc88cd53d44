import {
  createServer,
  request as httpRequest,
  type ClientRequest,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http';
import { buffer } from 'node:stream/consumers';
import * as z from 'zod';

/** Capacity units by operation, as DynamoDB itself reports them. */
export interface Capacity {
  readonly write: Record<string, number>;
  readonly read: Record<string, number>;
}

export interface CapacityProxy {
  readonly url: string;
  /** What was consumed since the last call. */
  take(): Capacity;
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
export async function startCapacityProxy(target: string): Promise<CapacityProxy> {
  let capacity: Capacity = { write: {}, read: {} };
  const { hostname, port } = new URL(target);
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
    if (writes !== undefined && response.statusCode === 200)
      add(writes ? capacity.write : capacity.read, operation, unitsOf(answer, writes));
    outgoing.writeHead(response.statusCode ?? 502, response.headers).end(answer);
  };
  const server = createServer((incoming, outgoing) => {
    forward(incoming, outgoing).catch(() => outgoing.destroy());
  });
  const address = await new Promise<string>((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      const bound = server.address();
      resolve(typeof bound === 'object' && bound !== null ? `http://127.0.0.1:${bound.port}` : '');
    });
  });
  return {
    url: address,
    take: () => {
      const taken = capacity;
      capacity = { write: {}, read: {} };
      return taken;
    },
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
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
