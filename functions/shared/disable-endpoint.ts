import { setTimeout as wait } from 'node:timers/promises';
import { instantFromMs } from '../../schemas/instant.ts';
import { EndpointSchema, type Endpoint } from '../../schemas/endpoint.ts';
import { endpointEvent } from '../domain/operational-event.ts';
import {
  type DynamoDBDocumentClient,
  GetCommand,
  TransactionCanceledException,
  TransactWriteCommand,
} from './aws/documents.ts';
import type { KnownEndpoint } from './endpoint-directory.ts';
import { TowercastError } from './errors.ts';
import { eventItem } from './event-item.ts';
import { entityKey } from './keys.ts';

/**
 * Disables an endpoint that is still as given, with `endpoint.disabled` in the same transaction. `changed` when it is
 * active but another version by now (a new URL, say), or gone; then nothing was written. Throws TowercastError
 * `item_contended`.
 */
export type DisableEndpoint = (
  endpoint: KnownEndpoint,
  reason: 'gone' | 'failing',
) => Promise<'disabled' | 'changed'>;

export interface DisableEndpointOptions {
  documents: DynamoDBDocumentClient;
  entitiesTable: string;
  eventsTable: string;
  retentionDays: number;
  /** Who hears of every partner's endpoints. */
  operatorPartnerId: string | null;
  now: () => number;
}

const maxTries = 8;

export const createDisableEndpoint =
  (options: DisableEndpointOptions): DisableEndpoint =>
  async (endpoint, reason) => {
    for (let tries = 1; tries <= maxTries; tries += 1) {
      if (await writeDisabled(options, endpoint, reason)) return 'disabled';
      const current = await read(options, endpoint);
      // Deliveries to one endpoint run side by side: another of them was told the same.
      if (current?.status === 'disabled') return 'disabled';
      if (current?.version !== endpoint.version) return 'changed';
      // Their transactions were in each other's way.
      await wait(Math.random() * 20 * tries);
    }
    throw new TowercastError('item_contended', `endpoint ${endpoint.endpointId} could not be disabled`);
  };

async function read(
  { documents, entitiesTable }: DisableEndpointOptions,
  endpoint: Endpoint,
): Promise<Endpoint | null> {
  const { Item } = await documents.send(
    new GetCommand({ TableName: entitiesTable, Key: entityKey(endpoint), ConsistentRead: true }),
  );
  return Item === undefined ? null : EndpointSchema.parse(Item);
}

/** False when it is not as given, or somebody else was just at it. */
async function writeDisabled(
  options: DisableEndpointOptions,
  endpoint: KnownEndpoint,
  reason: string,
): Promise<boolean> {
  const { entitiesTable, eventsTable, retentionDays, operatorPartnerId, now } = options;
  const event = endpointEvent(
    'endpoint.disabled',
    endpoint,
    {
      failingSince: endpoint.health?.failingSince ?? null,
      reason,
      cause: `${reason} ${endpoint.version}`,
    },
    { operatorPartnerId, now: instantFromMs(now()) },
  );
  const update = {
    TableName: entitiesTable,
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
  };
  try {
    await options.documents.send(
      new TransactWriteCommand({
        TransactItems: [
          { Update: update },
          { Put: { TableName: eventsTable, Item: eventItem(event, retentionDays) } },
        ],
      }),
    );
    return true;
  } catch (error) {
    if (error instanceof TransactionCanceledException || isConflict(error)) return false;
    throw error;
  }
}

const isConflict = (error: unknown): boolean =>
  error instanceof Error && error.name === 'TransactionConflictException';
