import { createAwsClient, type AwsClientOptions } from './client.ts';
import type { DocumentCommand } from './document-commands.ts';
import { documentError } from './document-errors.ts';
import { AwsError } from './errors.ts';

export * from './document-commands.ts';
export { ConditionalCheckFailedException, TransactionCanceledException } from './document-errors.ts';
export { AwsError } from './errors.ts';

/** DynamoDB in plain values. See docs/decisions/0023-aws-requests.md. */
export interface DynamoDBDocumentClient {
  /**
   * Throws ConditionalCheckFailedException, TransactionCanceledException, or AwsError with DynamoDB's code as its
   * name.
   */
  send<Output>(command: DocumentCommand<Output>): Promise<Output>;
  /** Lets go of the connections that are kept alive. */
  destroy(): void;
}

/**
 * For the life of the process. DynamoDB answers within milliseconds: a request that has not been answered for two
 * seconds is better sent again than waited for.
 */
export function createDocuments(options: AwsClientOptions = {}): DynamoDBDocumentClient {
  const client = createAwsClient('dynamodb', options);
  return {
    async send(command) {
      const { operation } = command;
      const request = {
        path: '/',
        headers: {
          'content-type': 'application/x-amz-json-1.0',
          'x-amz-target': `DynamoDB_20120810.${operation}`,
        },
        body: JSON.stringify(command.toWire()),
      };
      const answer = await client.call(request, documentError);
      try {
        return command.fromWire(answer);
      } catch (cause) {
        throw new AwsError({ name: 'UnreadableAnswer', message: `to ${operation}`, cause });
      }
    },
    destroy: () => client.close(),
  };
}
