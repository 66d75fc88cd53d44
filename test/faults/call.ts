import type { IncomingHttpHeaders } from 'node:http';
import * as z from 'zod';
import type { Aliases } from './aliases.ts';

/** A request that one of our functions makes: everything outside its own process is a boundary. */
export interface Call {
  /** Logical id of the function. */
  readonly function: string;
  /** `DynamoDB.PutItem(EntitiesTable:progress)`, `SQS.SendMessageBatch(DeliveryQueue)`, `IoT.Publish(acks)`, `Partner.POST`. */
  readonly name: string;
  readonly service: Service;
  /** As the service names it: `PutItem`. */
  readonly operation: string;
  /** What its function must be permitted, as `EntitiesTable: dynamodb:PutItem`. */
  readonly permissions: readonly string[];
  /** The cases that it is about: a request may carry the work of several. */
  readonly tags: readonly string[];
}

export type Service = 'DynamoDB' | 'SQS' | 'KMS' | 'IoT' | 'Partner';

/** Physical name to logical id. */
export type Names = ReadonlyMap<string, string>;

const tagPattern = /f\d{4}x/g;

/** The name of a case is in the name of everything that is its own: tower, partner, endpoint, reservation. */
export const tagOf = (number: number): string => `f${String(number).padStart(4, '0')}x`;

/** Which case it is. */
export const numberOf = (tag: string): number => Number(tag.slice(1, -1));

export const tagsIn = (text: string): string[] => [...new Set(text.match(tagPattern) ?? [])];

const services: Readonly<Record<string, Service>> = {
  DynamoDB_20120810: 'DynamoDB',
  AmazonSQS: 'SQS',
  TrentService: 'KMS',
};

export interface RawCall {
  readonly function: string;
  readonly headers: IncomingHttpHeaders;
  readonly path: string;
  readonly body: Buffer;
}

/** Learns other names of a case from its calls: a booking has a random id. */
export function identify(raw: RawCall, names: Names, aliases: Aliases): Call {
  const text = `${decodeURIComponent(raw.path)} ${raw.body.toString('utf8')}`;
  const tags = [...new Set([...tagsIn(text), ...aliases.tagsIn(text)])];
  const [tag] = tags;
  if (tag !== undefined && tags.length === 1) aliases.learn(text, tag);
  const target = raw.headers['x-amz-target'];
  if (typeof target !== 'string') {
    const isPublication = raw.path.startsWith('/topics/');
    const channel = decodeURIComponent(raw.path.split('?')[0] ?? '')
      .split('/')
      .at(-1);
    return isPublication
      ? {
          function: raw.function,
          name: `IoT.Publish(${channel})`,
          service: 'IoT',
          operation: 'Publish',
          permissions: [`${channel}: iot:Publish`],
          tags,
        }
      : {
          function: raw.function,
          name: 'Partner.POST',
          service: 'Partner',
          operation: 'POST',
          permissions: [],
          tags,
        };
  }
  const [prefix = '', operation = ''] = target.split('.');
  const service = services[prefix] ?? 'KMS';
  const body: unknown = JSON.parse(raw.body.toString('utf8'));
  const resource = resourceOf(service, body, names);
  return {
    function: raw.function,
    name: `${service}.${operation}${resource === '' ? '' : `(${resource})`}`,
    service,
    operation,
    permissions: permissionsFor(service, operation, body, names),
    tags,
  };
}

const AttributesSchema = z.looseObject({
  pk: z.object({ S: z.string() }).optional(),
  sk: z.object({ S: z.string() }).optional(),
});
const OneSchema = z.object({
  TableName: z.string(),
  IndexName: z.string().optional(),
  Key: AttributesSchema.optional(),
  Item: AttributesSchema.optional(),
  ExpressionAttributeValues: z.record(z.string(), z.looseObject({ S: z.string().optional() })).optional(),
});
const WriteSchema = z.object({ Item: AttributesSchema.optional(), Key: AttributesSchema.optional() });
const RequestSchema = z.looseObject({
  QueueUrl: z.string().optional(),
  TableName: z.string().optional(),
  IndexName: z.string().optional(),
  RequestItems: z
    .record(
      z.string(),
      z.union([
        z.array(z.looseObject({ PutRequest: WriteSchema.optional(), DeleteRequest: WriteSchema.optional() })),
        z.looseObject({ Keys: z.array(AttributesSchema) }),
      ]),
    )
    .optional(),
  Statements: z.array(z.object({ Statement: z.string() })).optional(),
  TransactItems: z.array(z.record(z.string(), OneSchema)).optional(),
});

/** Tables with the kind of item where one table holds several, or the queue's logical id. */
function resourceOf(service: Service, body: unknown, names: Names): string {
  if (service === 'KMS') return '';
  const request = RequestSchema.parse(body);
  if (request.QueueUrl !== undefined) {
    const queue = request.QueueUrl.split('/').at(-1) ?? '';
    return names.get(queue) ?? queue;
  }
  const table = (name: string) => names.get(name) ?? name;
  if (request.Statements !== undefined) {
    const tables = request.Statements.map(({ Statement }) => table(/"([^"]+)"/.exec(Statement)?.[1] ?? ''));
    return [...new Set(tables)].sort().join('+');
  }
  if (request.TransactItems !== undefined) {
    const parts = request.TransactItems.flatMap((item) => Object.values(item)).map((one) =>
      table(one.TableName),
    );
    return [...new Set(parts)].sort().join('+');
  }
  if (request.RequestItems !== undefined)
    return Object.keys(request.RequestItems).map(table).sort().join('+');
  const one = OneSchema.parse(body);
  const partition = Object.values(one.ExpressionAttributeValues ?? {})
    .map(({ S = '' }) => /^(log|lane|partner|due|parked|undelivered|health|redrive)#/.exec(S)?.[1])
    .find((prefix) => prefix !== undefined);
  if (one.IndexName !== undefined) return `${table(one.TableName)}.${one.IndexName}:${partition}`;
  const key = one.Key ?? one.Item;
  const kind = key === undefined ? partition : kindOf(table(one.TableName), key);
  return kind == null ? table(one.TableName) : `${table(one.TableName)}:${kind}`;
}

const transactionActions: Readonly<Record<string, string>> = {
  Put: 'PutItem',
  Update: 'UpdateItem',
  Delete: 'DeleteItem',
  ConditionCheck: 'ConditionCheckItem',
};

/** As IAM has them: a transaction needs what each of its items would, a batch of statements what those are. */
function permissionsFor(service: Service, operation: string, body: unknown, names: Names): string[] {
  if (service === 'KMS') return [`SecretsKey: kms:${operation}`];
  if (service === 'SQS') return [`${resourceOf(service, body, names)}: sqs:SendMessage`];
  const { TransactItems, TableName, IndexName } = RequestSchema.parse(body);
  const table = (name: string) => names.get(name) ?? name;
  if (TransactItems !== undefined)
    return TransactItems.flatMap((item) =>
      Object.entries(item).map(
        ([kind, one]) => `${table(one.TableName)}: dynamodb:${transactionActions[kind] ?? kind}`,
      ),
    );
  if (TableName !== undefined) {
    const index = IndexName === undefined ? '' : `/index/${IndexName}`;
    return [`${table(TableName)}${index}: dynamodb:${operation}`];
  }
  const action = operation === 'BatchExecuteStatement' ? 'PartiQLUpdate' : operation;
  return resourceOf(service, body, names)
    .split('+')
    .map((name) => `${name}: dynamodb:${action}`);
}

/** Entities say their kind in the sort key; logs and lanes in the deliveries table say theirs in the partition key. */
function kindOf(table: string, key: z.infer<typeof AttributesSchema>): string | null {
  if (table === 'EntitiesTable') {
    // `endpoint#main` is an endpoint, and `endpoint#main#health` beside it its health.
    const [kind, , part] = key.sk?.S.split('#') ?? [];
    return part === undefined ? (kind ?? null) : `${kind}-${part}`;
  }
  if (table !== 'DeliveriesTable') return null;
  return /^(log|lane)#/.exec(key.pk?.S ?? '')?.[1] ?? null;
}
