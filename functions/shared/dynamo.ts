import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';

/**
 * A client with the SDK's keep-alive agent, for the life of the process. The endpoint comes from
 * AWS_ENDPOINT_URL_DYNAMODB where it is set. DynamoDB answers within milliseconds: a request that has not been
 * answered for two seconds is better sent again than waited for.
 */
export const createDocumentClient = (): DynamoDBDocumentClient =>
  DynamoDBDocumentClient.from(
    new DynamoDBClient({
      maxAttempts: 4,
      requestHandler: { connectionTimeout: 1_000, requestTimeout: 2_000, throwOnRequestTimeout: true },
    }),
    { marshallOptions: { removeUndefinedValues: true } },
  );
