import type { CancellationReason } from '@aws-sdk/client-dynamodb';
import * as z from 'zod';
import { AttributeMapSchema, type AttributeMap } from './attribute-values.ts';
import { AwsError, type AwsErrorFields } from './errors.ts';
import type { ToError } from './client.ts';

type Reported = Omit<AwsErrorFields, 'name'>;

export class ConditionalCheckFailedException extends AwsError {
  /** As it was, where ReturnValuesOnConditionCheckFailure asked for it: in DynamoDB's form. */
  readonly Item: AttributeMap | undefined;

  constructor({ Item, ...fields }: Reported & { Item?: AttributeMap | undefined }) {
    super({ ...fields, name: 'ConditionalCheckFailedException' });
    this.Item = Item;
  }
}

export class TransactionCanceledException extends AwsError {
  /** One for each of the items, in their order. */
  readonly CancellationReasons: CancellationReason[] | undefined;

  constructor({
    CancellationReasons,
    ...fields
  }: Reported & { CancellationReasons?: CancellationReason[] | undefined }) {
    super({ ...fields, name: 'TransactionCanceledException' });
    this.CancellationReasons = CancellationReasons;
  }
}

const ConditionSchema = z.object({ Item: AttributeMapSchema.optional() }).catch({});
const CancellationSchema = z
  .object({
    CancellationReasons: z
      .array(
        z.object({
          Code: z.string().optional(),
          Message: z
            .string()
            .nullish()
            .transform((message) => message ?? undefined),
          Item: AttributeMapSchema.optional(),
        }),
      )
      .optional(),
  })
  .catch({});

/** DynamoDB's errors, those that say something about items as classes of their own. */
export const documentError: ToError = (fields, body) => {
  switch (fields.name) {
    case 'ConditionalCheckFailedException':
      return new ConditionalCheckFailedException({ ...fields, ...ConditionSchema.parse(body) });
    case 'TransactionCanceledException':
      return new TransactionCanceledException({ ...fields, ...CancellationSchema.parse(body) });
    default:
      return new AwsError(fields);
  }
};
