import * as z from 'zod';

/** A batch of which a part is left undone. */
interface Divided {
  /** The request without that part; null when nothing is left of it. */
  readonly request: object | null;
  /** What the service says of all of it. `done` is its answer to the request; an empty one where there was none. */
  readonly answer: (done: unknown) => object;
}

const AnswerSchema = z.record(z.string(), z.json());
const WriteSchema = z.looseObject({ RequestItems: z.record(z.string(), z.array(z.json())) });
const GetSchema = z.looseObject({
  RequestItems: z.record(z.string(), z.looseObject({ Keys: z.array(z.json()) })),
});
const SendSchema = z.looseObject({ Entries: z.array(z.looseObject({ Id: z.string() })) });
const StatementsSchema = z.looseObject({ Statements: z.array(z.json()) });
const StatementsAnswerSchema = z.looseObject({ Responses: z.array(z.json()).default([]) });

type IsOwn = (entry: unknown) => boolean;

/** Which entries are left undone: half of a case's own, at least one; of a batch that names no case, half of all. */
function undoneOf<T>(entries: readonly T[], isOwn: IsOwn): ReadonlySet<T> {
  const own = entries.filter(isOwn);
  const candidates = own.length > 0 ? own : entries;
  return new Set(candidates.slice(Math.floor(candidates.length / 2)));
}

/** As the service divides it when it can't do all. Throws for what is no batch. */
export function divide(operation: string, body: unknown, isOwn: IsOwn): Divided {
  switch (operation) {
    case 'BatchWriteItem':
      return divideWrites(WriteSchema.parse(body), isOwn);
    case 'BatchGetItem':
      return divideReads(GetSchema.parse(body), isOwn);
    case 'BatchExecuteStatement':
      return divideStatements(StatementsSchema.parse(body), isOwn);
    case 'SendMessageBatch':
      return divideMessages(SendSchema.parse(body), isOwn);
    default:
      throw new TypeError(`${operation} is done as a whole or not at all`);
  }
}

function divideWrites(request: z.infer<typeof WriteSchema>, isOwn: IsOwn): Divided {
  const undone = undoneOf(Object.values(request.RequestItems).flat(), isOwn);
  const keep = (wanted: boolean) =>
    filled(request.RequestItems, (writes) => writes.filter((write) => undone.has(write) === wanted));
  return {
    request: withItems(request, keep(false)),
    answer: (done) => ({ ...AnswerSchema.parse(done), UnprocessedItems: keep(true) }),
  };
}

function divideReads(request: z.infer<typeof GetSchema>, isOwn: IsOwn): Divided {
  const all = Object.values(request.RequestItems).flatMap(({ Keys }) => Keys);
  const undone = undoneOf(all, isOwn);
  const keep = (wanted: boolean) => {
    const keys = filled(
      Object.fromEntries(Object.entries(request.RequestItems).map(([table, { Keys }]) => [table, Keys])),
      (some) => some.filter((key) => undone.has(key) === wanted),
    );
    return Object.fromEntries(
      Object.entries(keys).map(([table, Keys]) => [table, { ...request.RequestItems[table], Keys }]),
    );
  };
  return {
    request: withItems(request, keep(false)),
    answer: (done) => ({ Responses: {}, ...AnswerSchema.parse(done), UnprocessedKeys: keep(true) }),
  };
}

/** Tables of which nothing is left are left out. */
const filled = <T>(items: Record<string, T[]>, some: (entries: T[]) => T[]): Record<string, T[]> =>
  Object.fromEntries(
    Object.entries(items)
      .map(([table, entries]) => [table, some(entries)] as const)
      .filter(([, entries]) => entries.length > 0),
  );

const withItems = (request: object, RequestItems: object): object | null =>
  Object.keys(RequestItems).length === 0 ? null : { ...request, RequestItems };

function divideStatements(request: z.infer<typeof StatementsSchema>, isOwn: IsOwn): Divided {
  const undone = undoneOf(request.Statements, isOwn);
  const rest = request.Statements.filter((statement) => !undone.has(statement));
  return {
    request: rest.length === 0 ? null : { ...request, Statements: rest },
    answer: (done) => {
      const responses = StatementsAnswerSchema.parse(done).Responses.values();
      return {
        Responses: request.Statements.map((statement) =>
          undone.has(statement)
            ? { Error: { Code: 'ThrottlingError', Message: 'made to fail' } }
            : (responses.next().value ?? {}),
        ),
      };
    },
  };
}

function divideMessages(request: z.infer<typeof SendSchema>, isOwn: IsOwn): Divided {
  const undone = undoneOf(request.Entries, isOwn);
  const rest = request.Entries.filter((entry) => !undone.has(entry));
  return {
    request: rest.length === 0 ? null : { ...request, Entries: rest },
    answer: (done) => ({
      Successful: [],
      ...AnswerSchema.parse(done),
      Failed: [...undone].map(({ Id }) => ({
        Id,
        SenderFault: false,
        Code: 'InternalError',
        Message: 'made to fail',
      })),
    }),
  };
}
