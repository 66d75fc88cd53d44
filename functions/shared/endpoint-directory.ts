import { ConditionalCheckFailedException } from '@aws-sdk/client-dynamodb';
import { GetCommand, QueryCommand, UpdateCommand, type DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { EndpointSchema, type Endpoint } from '../../schemas/endpoint.ts';
import { createExpiringCache } from './expiring-cache.ts';
import { entityKey, type ItemKey } from './keys.ts';

export type EndpointRef = Pick<Endpoint, 'partnerId' | 'endpointId'>;

export interface EndpointDirectory {
  /** The endpoint as it was within the cache's time; null when there is none. */
  get(ref: EndpointRef): Promise<Endpoint | null>;
  /** Every endpoint of a partner, disabled ones included, as they were within the cache's time. */
  ofPartner(partnerId: string): Promise<Endpoint[]>;
  /**
   * Disables an endpoint that is still as given. `changed` when it is active but another version by now (a new URL,
   * say), or gone; then nothing was written.
   */
  disable(endpoint: Endpoint, reason: string): Promise<'disabled' | 'changed'>;
}

export interface EndpointDirectoryOptions {
  documents: DynamoDBDocumentClient;
  entitiesTable: string;
  cacheSeconds: number;
  now: () => number;
  /** Told of an item that is no endpoint that this release knows. A partner's others go on without it. */
  onUnreadable?: (key: ItemKey, error: unknown) => void;
}

const maxCached = 5_000;
const cacheKey = (ref: EndpointRef): string => `${ref.partnerId}/${ref.endpointId}`;

export function createEndpointDirectory(options: EndpointDirectoryOptions): EndpointDirectory {
  const { documents, entitiesTable, cacheSeconds, now } = options;
  const read = endpointReader(options);
  const cacheOptions = { ttlMs: cacheSeconds * 1_000, maxEntries: maxCached, now };
  const endpoints = createExpiringCache<Endpoint | null>(cacheOptions);
  const partners = createExpiringCache<Endpoint[]>(cacheOptions);

  return {
    get: (ref) => endpoints.get(cacheKey(ref), () => readEndpoint(documents, entitiesTable, ref)),
    ofPartner: (partnerId) =>
      partners.get(partnerId, async () =>
        (await queryEndpoints(documents, entitiesTable, partnerId)).flatMap(read),
      ),
    async disable(endpoint, reason) {
      endpoints.delete(cacheKey(endpoint));
      partners.delete(endpoint.partnerId);
      return writeDisabled(documents, entitiesTable, endpoint, reason);
    },
  };
}

/** Gives an item's endpoint, or none. */
function endpointReader({ onUnreadable }: EndpointDirectoryOptions) {
  return (item: Record<string, unknown>): Endpoint[] => {
    const parsed = EndpointSchema.safeParse(item);
    if (parsed.success) return [parsed.data];
    onUnreadable?.({ pk: String(item['pk']), sk: String(item['sk']) }, parsed.error);
    return [];
  };
}

async function readEndpoint(
  documents: DynamoDBDocumentClient,
  table: string,
  ref: EndpointRef,
): Promise<Endpoint | null> {
  const { Item } = await documents.send(
    new GetCommand({
      TableName: table,
      Key: entityKey({ kind: 'endpoint', partnerId: ref.partnerId, endpointId: ref.endpointId }),
      // An older replica would make the first delivery to a new endpoint dead.
      ConsistentRead: true,
    }),
  );
  return Item === undefined ? null : EndpointSchema.parse(Item);
}

async function queryEndpoints(
  documents: DynamoDBDocumentClient,
  table: string,
  partnerId: string,
): Promise<Record<string, unknown>[]> {
  const { pk } = entityKey({ kind: 'partner', partnerId });
  const endpoints: Record<string, unknown>[] = [];
  let from: Record<string, unknown> | undefined;
  do {
    const page = await documents.send(
      new QueryCommand({
        TableName: table,
        ConsistentRead: true,
        KeyConditionExpression: 'pk = :pk AND begins_with(sk, :endpoint)',
        ExpressionAttributeValues: { ':pk': pk, ':endpoint': 'endpoint#' },
        ...(from !== undefined && { ExclusiveStartKey: from }),
      }),
    );
    endpoints.push(...(page.Items ?? []));
    from = page.LastEvaluatedKey;
  } while (from !== undefined);
  return endpoints;
}

async function writeDisabled(
  documents: DynamoDBDocumentClient,
  table: string,
  endpoint: Endpoint,
  reason: string,
): Promise<'disabled' | 'changed'> {
  try {
    await documents.send(
      new UpdateCommand({
        TableName: table,
        Key: entityKey(endpoint),
        UpdateExpression: 'SET #status = :disabled, disabledReason = :reason, #version = :next',
        ConditionExpression: '#status = :active AND #version = :version',
        ExpressionAttributeNames: { '#status': 'status', '#version': 'version' },
        ExpressionAttributeValues: {
          ':active': 'active',
          ':disabled': 'disabled',
          ':reason': reason,
          ':version': endpoint.version,
          ':next': endpoint.version + 1,
        },
        ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
      }),
    );
    return 'disabled';
  } catch (error) {
    if (!(error instanceof ConditionalCheckFailedException)) throw error;
    // Deliveries to one endpoint run side by side: another of them was told the same.
    return error.Item?.['status']?.S === 'disabled' ? 'disabled' : 'changed';
  }
}
