import * as z from 'zod';
import { startAwsProxy, type AwsMessage, type Rewrite } from './aws-proxy.ts';

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
  const proxies = await Promise.all(
    callers.map(async (caller) => ({ caller, proxy: await startAwsProxy(target, asking(note(caller))) })),
  );
  return {
    urls: new Map(proxies.map(({ caller, proxy }) => [caller, proxy.url])),
    take: () => {
      const taken = new Map(consumed);
      consumed.clear();
      return taken;
    },
    close: () => {
      for (const { proxy } of proxies) proxy.close();
    },
  };
}

const asking =
  (note: (writes: boolean, operation: string, units: number) => void): Rewrite =>
  (operation, request) => {
    const writes = metered[operation];
    if (writes === undefined) return undefined;
    return {
      request: { ...request, ReturnConsumedCapacity: 'TOTAL' },
      answer: (answer) => {
        note(writes, operation, unitsOf(answer, writes));
        return undefined;
      },
    };
  };

function unitsOf(answer: AwsMessage, writes: boolean): number {
  const { ConsumedCapacity: consumed } = ResponseSchema.parse(answer);
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
