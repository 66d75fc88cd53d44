import { ConditionalCheckFailedException, TransactionCanceledException } from './aws/documents.ts';

/** What a write over the version that was seen says besides; version 0 is not stored yet. */
export const whileVersion = (seen: number) =>
  seen === 0
    ? { ConditionExpression: 'attribute_not_exists(pk)' }
    : {
        ConditionExpression: '#version = :seen',
        ExpressionAttributeNames: { '#version': 'version' },
        ExpressionAttributeValues: { ':seen': seen },
      };

/** Whether a write, or a transaction, came to nothing because somebody else was ahead, or at it right then. */
export const isOvertaken = (error: unknown): boolean =>
  error instanceof ConditionalCheckFailedException ||
  (error instanceof TransactionCanceledException &&
    (error.CancellationReasons ?? []).some(
      ({ Code }) => Code === 'ConditionalCheckFailed' || Code === 'TransactionConflict',
    ));
