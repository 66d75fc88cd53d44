import { CreateTableCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import * as sdk from '@aws-sdk/lib-dynamodb';
import { unmarshall } from '@aws-sdk/util-dynamodb';
import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  BatchExecuteStatementCommand,
  BatchGetCommand,
  BatchWriteCommand,
  ConditionalCheckFailedException,
  createDocuments,
  DeleteCommand,
  GetCommand,
  PutCommand,
  QueryCommand,
  ScanCommand,
  TransactionCanceledException,
  TransactWriteCommand,
  UpdateCommand,
  type DynamoDBDocumentClient,
} from '../../../../functions/shared/aws/documents.ts';
import { startDynoxide, type Dynoxide } from '../../../../local/engines/dynoxide.ts';

let engine: Dynoxide;
let bySdk: sdk.DynamoDBDocumentClient;
let documents: DynamoDBDocumentClient;
let keys = 0;
const TableName = 'items';
const place = () => ({
  endpoint: engine.endpoint,
  region: 'eu-central-1',
  credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
});

beforeAll(async () => {
  engine = await startDynoxide();
  bySdk = sdk.DynamoDBDocumentClient.from(new DynamoDBClient(place()), {
    marshallOptions: { removeUndefinedValues: true },
  });
  documents = createDocuments(place());
  const names = ['pk', 'sk'];
  await bySdk.send(
    new CreateTableCommand({
      TableName,
      BillingMode: 'PAY_PER_REQUEST',
      KeySchema: names.map((AttributeName, index) => ({
        AttributeName,
        KeyType: index === 0 ? 'HASH' : 'RANGE',
      })),
      AttributeDefinitions: names.map((AttributeName) => ({ AttributeName, AttributeType: 'S' })),
    }),
  );
});
afterAll(async () => {
  bySdk.destroy();
  documents.destroy();
  await engine.stop();
});

const newKey = () => ({ pk: `p${(keys += 1)}`, sk: 's' });
/** An attribute named `constructor` is refused by util-dynamodb: it takes the item for one of a class. */
const names = () => fc.string({ minLength: 1 }).filter((name) => !(name in {}));
const bytes = () => fc.uint8Array({ minLength: 1, maxLength: 40 });
/** Within what DynamoDB stores. */
const numbers = () =>
  fc.oneof(
    fc.maxSafeInteger(),
    fc
      .double({ min: -1e30, max: 1e30, noNaN: true })
      .filter((n) => n === 0 || (Math.abs(n) > 1e-100 && Math.abs(n) < 2 ** 53)),
  );
const { value } = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.string({ unit: 'grapheme' }),
    numbers(),
    fc.boolean(),
    fc.constant(null),
    bytes(),
    fc.uniqueArray(fc.string({ minLength: 1 }), { minLength: 1, maxLength: 4 }).map((list) => new Set(list)),
    fc.uniqueArray(fc.integer(), { minLength: 1, maxLength: 4 }).map((list) => new Set(list)),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(names(), fc.option(tie('value'), { nil: undefined }), {
      maxKeys: 4,
      noNullPrototype: true,
    }),
  ),
}));
const items = fc.dictionary(
  names().filter((name) => name !== 'pk' && name !== 'sk'),
  value,
  { maxKeys: 6, noNullPrototype: true },
);

describe('an item', () => {
  it('is stored and read as the SDK stores and reads it', async () => {
    await fc.assert(
      fc.asyncProperty(items, async (item) => {
        const [ours, theirs] = [newKey(), newKey()];
        await documents.send(new PutCommand({ TableName, Item: { ...item, ...ours } }));
        await bySdk.send(new sdk.PutCommand({ TableName, Item: { ...item, ...theirs } }));
        const results = await Promise.all(
          [ours, theirs].flatMap((Key) => [
            documents.send(new GetCommand({ TableName, Key, ConsistentRead: true })),
            bySdk.send(new sdk.GetCommand({ TableName, Key, ConsistentRead: true })),
          ]),
        );
        for (const { Item } of results) expect({ ...Item, pk: '' }).toEqual({ ...results[0]?.Item, pk: '' });
      }),
      { numRuns: 150 },
    );
  });

  it('that is not there is undefined', async () => {
    expect((await documents.send(new GetCommand({ TableName, Key: newKey() }))).Item).toBeUndefined();
  });

  it('is updated, and shown as it was asked for', async () => {
    const Key = newKey();
    const update = (ReturnValues: 'ALL_NEW' | 'UPDATED_OLD', list: unknown[]) =>
      documents.send(
        new UpdateCommand({
          TableName,
          Key,
          UpdateExpression: 'SET #list = :list, bytes = :bytes',
          ExpressionAttributeNames: { '#list': 'list' },
          ExpressionAttributeValues: { ':list': list, ':bytes': new Uint8Array([1, 2]) },
          ReturnValues,
        }),
      );
    expect((await update('ALL_NEW', [1, { a: 'b' }])).Attributes).toEqual({
      ...Key,
      list: [1, { a: 'b' }],
      bytes: new Uint8Array([1, 2]),
    });
    expect((await update('UPDATED_OLD', [])).Attributes).toEqual({
      list: [1, { a: 'b' }],
      bytes: new Uint8Array([1, 2]),
    });
    const gone = await documents.send(new DeleteCommand({ TableName, Key, ReturnValues: 'ALL_OLD' }));
    expect(gone.Attributes).toMatchObject({ list: [] });
  });
});

describe('many items', () => {
  it('are read page by page', async () => {
    const { pk } = newKey();
    const writes = Array.from({ length: 7 }, (_, index) => ({
      PutRequest: { Item: { pk, sk: `s${index}` } },
    }));
    await documents.send(new BatchWriteCommand({ RequestItems: { [TableName]: writes } }));
    const seen: unknown[] = [];
    let from: Record<string, unknown> | undefined;
    do {
      const page = await documents.send(
        new QueryCommand({
          TableName,
          KeyConditionExpression: 'pk = :pk',
          ExpressionAttributeValues: { ':pk': pk },
          Limit: 3,
          ...(from !== undefined && { ExclusiveStartKey: from }),
        }),
      );
      for (const item of page.Items ?? []) seen.push(item['sk']);
      from = page.LastEvaluatedKey;
    } while (from !== undefined);
    expect(seen).toEqual(['s0', 's1', 's2', 's3', 's4', 's5', 's6']);
    const all = await documents.send(new ScanCommand({ TableName, ConsistentRead: true }));
    expect(all.Items?.filter((item) => item['pk'] === pk)).toHaveLength(7);
  });

  it('are read and deleted by their keys', async () => {
    const [one, two] = [newKey(), newKey()];
    await documents.send(new PutCommand({ TableName, Item: { ...one, data: new Uint8Array([7]) } }));
    const read = async () =>
      (await documents.send(new BatchGetCommand({ RequestItems: { [TableName]: { Keys: [one, two] } } })))
        .Responses?.[TableName];
    expect(await read()).toEqual([{ ...one, data: new Uint8Array([7]) }]);
    const requests = [{ DeleteRequest: { Key: one } }];
    await documents.send(new BatchWriteCommand({ RequestItems: { [TableName]: requests } }));
    expect(await read()).toEqual([]);
  });

  it('that were left over come back in the form in which they are asked for again', async () => {
    const [Key, Item] = [newKey(), { ...newKey(), data: new Uint8Array([1, 255]), n: 1 }];
    const answers = [
      { UnprocessedKeys: { [TableName]: { Keys: [wired(Key)], ConsistentRead: true } } },
      { UnprocessedItems: { [TableName]: [{ PutRequest: { Item: wired(Item) } }] } },
    ];
    const throttled = createDocuments({
      ...place(),
      transport: (network) => ({
        ...network,
        send: async () => ({ status: 200, headers: {}, body: JSON.stringify(answers.shift()) }),
      }),
    });
    const { UnprocessedKeys } = await throttled.send(new BatchGetCommand({ RequestItems: {} }));
    expect(UnprocessedKeys).toEqual({ [TableName]: { Keys: [Key], ConsistentRead: true } });
    expect(await documents.send(new BatchGetCommand({ RequestItems: UnprocessedKeys }))).toMatchObject({
      Responses: { [TableName]: [] },
    });
    const { UnprocessedItems } = await throttled.send(new BatchWriteCommand({ RequestItems: {} }));
    await documents.send(new BatchWriteCommand({ RequestItems: UnprocessedItems }));
    const { pk, sk } = Item;
    expect((await documents.send(new GetCommand({ TableName, Key: { pk, sk } }))).Item).toEqual(Item);
  });

  it('are updated by statements, each under its own condition', async () => {
    const [one, two] = [newKey(), newKey()];
    await documents.send(new PutCommand({ TableName, Item: { ...one, n: 1 } }));
    const { Responses = [] } = await documents.send(
      new BatchExecuteStatementCommand({
        Statements: [one, two].map(({ pk, sk }) => ({
          Statement: `UPDATE "${TableName}" SET n=? WHERE pk=? AND sk=? AND n=?`,
          Parameters: [{ list: [2] }, pk, sk, 1],
        })),
      }),
    );
    expect(Responses.map(({ Error: error }) => error?.Code)).toEqual([undefined, 'ConditionalCheckFailed']);
    expect((await documents.send(new GetCommand({ TableName, Key: one }))).Item).toMatchObject({
      n: { list: [2] },
    });
  });
});

const wiredValue = (value: string | number | Uint8Array): object => {
  if (typeof value === 'string') return { S: value };
  if (typeof value === 'number') return { N: String(value) };
  return { B: Buffer.from(value).toString('base64') };
};
const wired = (item: Record<string, string | number | Uint8Array>): object => {
  const attributes: Record<string, object> = {};
  for (const [name, value] of Object.entries(item)) attributes[name] = wiredValue(value);
  return attributes;
};

const failure = async (work: Promise<unknown>): Promise<unknown> => work.catch((reason: unknown) => reason);

describe('a condition that does not hold', () => {
  it('is an error of its own, with the item that stands there', async () => {
    const Item = { ...newKey(), answer: new Uint8Array([0, 200]), n: 1 };
    await documents.send(new PutCommand({ TableName, Item }));
    const again = { TableName, Item, ConditionExpression: 'attribute_not_exists(pk)' };
    const plain = await failure(documents.send(new PutCommand(again)));
    expect(plain).toBeInstanceOf(ConditionalCheckFailedException);
    expect(plain).toMatchObject({ name: 'ConditionalCheckFailedException', Item: undefined, attempts: 1 });
    const telling = await failure(
      documents.send(new PutCommand({ ...again, ReturnValuesOnConditionCheckFailure: 'ALL_OLD' })),
    );
    if (!(telling instanceof ConditionalCheckFailedException)) throw new Error('another error');
    expect(unmarshall(telling.Item ?? {})).toEqual(Item);
  });

  it('cancels its transaction, with a reason for each item in order', async () => {
    const [known, fresh] = [newKey(), newKey()];
    await documents.send(new PutCommand({ TableName, Item: { ...known, n: 5 } }));
    const error = await failure(
      documents.send(
        new TransactWriteCommand({
          TransactItems: [
            { Put: { TableName, Item: fresh } },
            {
              Update: {
                TableName,
                Key: known,
                UpdateExpression: 'SET n = :n',
                ConditionExpression: 'n < :n',
                ExpressionAttributeValues: { ':n': 1 },
                ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
              },
            },
            { ConditionCheck: { TableName, Key: newKey(), ConditionExpression: 'attribute_not_exists(pk)' } },
          ],
        }),
      ),
    );
    if (!(error instanceof TransactionCanceledException)) throw new Error('another error', { cause: error });
    expect(error.CancellationReasons?.map(({ Code }) => Code)).toEqual([
      'None',
      'ConditionalCheckFailed',
      'None',
    ]);
    expect(unmarshall(error.CancellationReasons?.[1]?.Item ?? {})).toEqual({ ...known, n: 5 });
    expect((await documents.send(new GetCommand({ TableName, Key: fresh }))).Item).toBeUndefined();
  });

  it('of another transaction’s repeat is none: the token names it', async () => {
    const Put = { TableName, Item: newKey(), ConditionExpression: 'attribute_not_exists(pk)' };
    let lost = 0;
    const forgetful = createDocuments({
      ...place(),
      transport: (network) => ({
        ...network,
        async send(request) {
          const answer = await network.send(request);
          lost += 1;
          return lost === 1 ? { status: 500, headers: {}, body: '' } : answer;
        },
      }),
    });
    await forgetful.send(new TransactWriteCommand({ TransactItems: [{ Put }] }));
    expect(lost).toBe(2);
    forgetful.destroy();
  });
});
