import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DynamoDBDocumentClient, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import { entityKey } from '../../functions/shared/keys.ts';
import type { LocalStack } from '../../local/local-stack.ts';
import type { HearingEndpoint } from './plan.ts';

/** Makes the endpoints of a plan that want order ask for it. */
export async function askForOrder(stack: LocalStack, endpoints: readonly HearingEndpoint[]): Promise<void> {
  const client = new DynamoDBClient({ ...stack.aws, endpoint: stack.addresses.dynamodb });
  const documents = DynamoDBDocumentClient.from(client);
  for (const { partnerId, endpointId, ordered } of endpoints)
    if (ordered)
      await documents.send(
        new UpdateCommand({
          TableName: stack.tables['EntitiesTable'],
          Key: entityKey({ kind: 'endpoint', partnerId, endpointId }),
          UpdateExpression: 'SET #ordered = :true',
          ExpressionAttributeNames: { '#ordered': 'ordered' },
          ExpressionAttributeValues: { ':true': true },
        }),
      );
  client.destroy();
}
