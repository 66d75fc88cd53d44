import { randomUUID } from 'node:crypto';
import type { ConsumedCapacity } from '@aws-sdk/client-dynamodb';
import type * as sdk from '@aws-sdk/lib-dynamodb';
import * as z from 'zod';
import { ItemSchema, toWireItem, toWireValue, type Item } from './attribute-values.ts';

/** One request to DynamoDB, in plain values. */
export interface DocumentCommand<Output> {
  /** As DynamoDB's API has it: `GetItem`, not `Get`. */
  readonly operation: string;
  readonly input: object;
  /** What is sent, for JSON.stringify. */
  toWire(): object;
  /** What came back. Throws a ZodError, or what `unmarshall` throws. */
  fromWire(answer: unknown): Output;
}

/** Those that came before expressions hold values in other places. */
type Legacy =
  | 'AttributesToGet'
  | 'AttributeUpdates'
  | 'ConditionalOperator'
  | 'Expected'
  | 'KeyConditions'
  | 'QueryFilter'
  | 'ScanFilter';

export type GetCommandInput = Omit<sdk.GetCommandInput, Legacy>;
export type PutCommandInput = Omit<sdk.PutCommandInput, Legacy>;
export type UpdateCommandInput = Omit<sdk.UpdateCommandInput, Legacy>;
export type DeleteCommandInput = Omit<sdk.DeleteCommandInput, Legacy>;
export type QueryCommandInput = Omit<sdk.QueryCommandInput, Legacy>;
export type ScanCommandInput = Omit<sdk.ScanCommandInput, Legacy>;
export type BatchGetCommandInput = sdk.BatchGetCommandInput;
export type BatchWriteCommandInput = sdk.BatchWriteCommandInput;
export type TransactWriteCommandInput = sdk.TransactWriteCommandInput;
export type BatchExecuteStatementCommandInput = sdk.BatchExecuteStatementCommandInput;

export type GetCommandOutput = z.infer<typeof GetSchema>;
export type WriteCommandOutput = z.infer<typeof WriteSchema>;
export type QueryCommandOutput = z.infer<typeof QuerySchema>;
export type BatchGetCommandOutput = z.infer<typeof BatchGetSchema>;
export type BatchWriteCommandOutput = z.infer<typeof BatchWriteSchema>;
export type TransactWriteCommandOutput = z.infer<typeof CapacitiesSchema>;
export type BatchExecuteStatementCommandOutput = z.infer<typeof BatchExecuteStatementSchema>;

const CapacitySchema = z.custom<ConsumedCapacity>((value) => typeof value === 'object' && value !== null);
const OneCapacitySchema = z.object({ ConsumedCapacity: CapacitySchema.optional() });
const CapacitiesSchema = z.object({ ConsumedCapacity: z.array(CapacitySchema).optional() });
const GetSchema = OneCapacitySchema.extend({ Item: ItemSchema.optional() });
const WriteSchema = OneCapacitySchema.extend({ Attributes: ItemSchema.optional() });
const QuerySchema = OneCapacitySchema.extend({
  Items: z.array(ItemSchema).optional(),
  Count: z.number().optional(),
  ScannedCount: z.number().optional(),
  LastEvaluatedKey: ItemSchema.optional(),
});
/** What a request said of the keys comes back with them. */
const UnprocessedKeysSchema = z.object({
  Keys: z.array(ItemSchema),
  ConsistentRead: z.boolean().optional(),
  ProjectionExpression: z.string().optional(),
  ExpressionAttributeNames: z.record(z.string(), z.string()).optional(),
});
const BatchGetSchema = CapacitiesSchema.extend({
  Responses: z.record(z.string(), z.array(ItemSchema)).optional(),
  UnprocessedKeys: z.record(z.string(), UnprocessedKeysSchema).optional(),
});
const BatchWriteSchema = CapacitiesSchema.extend({
  UnprocessedItems: z
    .record(
      z.string(),
      z.array(
        z.object({
          PutRequest: z.object({ Item: ItemSchema }).optional(),
          DeleteRequest: z.object({ Key: ItemSchema }).optional(),
        }),
      ),
    )
    .optional(),
});
const BatchExecuteStatementSchema = CapacitiesSchema.extend({
  Responses: z
    .array(
      z.object({
        TableName: z.string().optional(),
        Item: ItemSchema.optional(),
        Error: z.object({ Code: z.string(), Message: z.string(), Item: ItemSchema }).partial().optional(),
      }),
    )
    .optional(),
});

/** Where an input, or an entry of a transaction, holds values. */
interface WithValues {
  Item?: Item | undefined;
  Key?: Item | undefined;
  ExpressionAttributeValues?: Item | undefined;
  ExclusiveStartKey?: Item | undefined;
}

/** What is undefined is left out of the JSON. */
const wireItem = (item: Item | undefined) => (item === undefined ? undefined : toWireItem(item));
const wire = (input: WithValues) => ({
  ...input,
  Item: wireItem(input.Item),
  Key: wireItem(input.Key),
  ExpressionAttributeValues: wireItem(input.ExpressionAttributeValues),
  ExclusiveStartKey: wireItem(input.ExclusiveStartKey),
});

/** A record with each value turned into another. */
const mapValues = <T>(record: Record<string, T> = {}, turn: (value: T) => unknown): object =>
  Object.fromEntries(Object.entries(record).map(([name, value]) => [name, turn(value)]));

/** Throws a TypeError for a request without what it is about: our mistake, which types allow. */
function required<T>(value: T | undefined): T {
  if (value === undefined) throw new TypeError('the request names nothing to do');
  return value;
}

/** The commands with one item or one page: same places for values, other answers. */
abstract class ItemCommand<Input extends WithValues, Output> implements DocumentCommand<Output> {
  abstract readonly operation: string;
  readonly input: Input;

  constructor(input: Input) {
    this.input = input;
  }

  toWire(): object {
    return wire(this.input);
  }

  abstract fromWire(answer: unknown): Output;
}

export class GetCommand extends ItemCommand<GetCommandInput, GetCommandOutput> {
  readonly operation = 'GetItem';
  fromWire = (answer: unknown): GetCommandOutput => GetSchema.parse(answer);
}

export class PutCommand extends ItemCommand<PutCommandInput, WriteCommandOutput> {
  readonly operation = 'PutItem';
  fromWire = (answer: unknown): WriteCommandOutput => WriteSchema.parse(answer);
}

export class UpdateCommand extends ItemCommand<UpdateCommandInput, WriteCommandOutput> {
  readonly operation = 'UpdateItem';
  fromWire = (answer: unknown): WriteCommandOutput => WriteSchema.parse(answer);
}

export class DeleteCommand extends ItemCommand<DeleteCommandInput, WriteCommandOutput> {
  readonly operation = 'DeleteItem';
  fromWire = (answer: unknown): WriteCommandOutput => WriteSchema.parse(answer);
}

export class QueryCommand extends ItemCommand<QueryCommandInput, QueryCommandOutput> {
  readonly operation = 'Query';
  fromWire = (answer: unknown): QueryCommandOutput => QuerySchema.parse(answer);
}

export class ScanCommand extends ItemCommand<ScanCommandInput, QueryCommandOutput> {
  readonly operation = 'Scan';
  fromWire = (answer: unknown): QueryCommandOutput => QuerySchema.parse(answer);
}

export class BatchGetCommand implements DocumentCommand<BatchGetCommandOutput> {
  readonly operation = 'BatchGetItem';
  readonly input: BatchGetCommandInput;

  constructor(input: BatchGetCommandInput) {
    this.input = input;
  }

  toWire(): object {
    const RequestItems = mapValues(this.input.RequestItems, (request) => ({
      ...request,
      Keys: required(request.Keys).map(toWireItem),
    }));
    return { ...this.input, RequestItems };
  }

  fromWire(answer: unknown): BatchGetCommandOutput {
    return BatchGetSchema.parse(answer);
  }
}

export class BatchWriteCommand implements DocumentCommand<BatchWriteCommandOutput> {
  readonly operation = 'BatchWriteItem';
  readonly input: BatchWriteCommandInput;

  constructor(input: BatchWriteCommandInput) {
    this.input = input;
  }

  toWire(): object {
    const RequestItems = mapValues(this.input.RequestItems, (requests) =>
      requests.map(({ PutRequest, DeleteRequest }) => ({
        PutRequest: PutRequest && { Item: toWireItem(required(PutRequest.Item)) },
        DeleteRequest: DeleteRequest && { Key: toWireItem(required(DeleteRequest.Key)) },
      })),
    );
    return { ...this.input, RequestItems };
  }

  fromWire(answer: unknown): BatchWriteCommandOutput {
    return BatchWriteSchema.parse(answer);
  }
}

export class TransactWriteCommand implements DocumentCommand<TransactWriteCommandOutput> {
  readonly operation = 'TransactWriteItems';
  readonly input: TransactWriteCommandInput;

  constructor(input: TransactWriteCommandInput) {
    this.input = input;
  }

  /** With a token, so that a try whose answer got lost is no other transaction when it is sent again. */
  toWire(): object {
    return {
      ...this.input,
      ClientRequestToken: this.input.ClientRequestToken ?? randomUUID(),
      TransactItems: required(this.input.TransactItems).map(({ Put, Update, Delete, ConditionCheck }) => ({
        Put: Put && wire(Put),
        Update: Update && wire(Update),
        Delete: Delete && wire(Delete),
        ConditionCheck: ConditionCheck && wire(ConditionCheck),
      })),
    };
  }

  fromWire(answer: unknown): TransactWriteCommandOutput {
    return CapacitiesSchema.parse(answer);
  }
}

export class BatchExecuteStatementCommand implements DocumentCommand<BatchExecuteStatementCommandOutput> {
  readonly operation = 'BatchExecuteStatement';
  readonly input: BatchExecuteStatementCommandInput;

  constructor(input: BatchExecuteStatementCommandInput) {
    this.input = input;
  }

  toWire(): object {
    return {
      ...this.input,
      Statements: required(this.input.Statements).map(({ Parameters, ...statement }) =>
        Object.assign(statement, { Parameters: Parameters?.map(toWireValue) }),
      ),
    };
  }

  fromWire(answer: unknown): BatchExecuteStatementCommandOutput {
    return BatchExecuteStatementSchema.parse(answer);
  }
}
