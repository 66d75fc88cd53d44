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
import { endpointHealthKey } from './endpoint-health.ts';
import { TowercastError } from './errors.ts';
import { eventItem } from './event-item.ts';
import { entityKey } from './keys.ts';
import { whileVersion } from './optimistic-locking.ts';

/**
 * Disables an endpoint that is still as given, with `endpoint.disabled` in the same transaction; for `failing`, its health too
 * must still be as given. `changed` when it is active but another version by now (a new URL, say), or gone, or its health has
 * changed (it may have recovered); then nothing was written. Throws TowercastError `item_contended`.
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
      const written = await writeDisabled(options, endpoint, reason);
      if (written !== 'overtaken') return written;
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

/** `overtaken`: the endpoint is not as given, or somebody else was just at one of the items. */
async function writeDisabled(
  options: DisableEndpointOptions,
  endpoint: KnownEndpoint,
  reason: 'gone' | 'failing',
): Promise<'disabled' | 'changed' | 'overtaken'> {
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
          ...(reason === 'failing' ? [stillAsUnwell(options, endpoint)] : []),
        ],
      }),
    );
    return 'disabled';
  } catch (error) {
    if (error instanceof TransactionCanceledException)
      return onlyHealthDiffers(error) ? 'changed' : 'overtaken';
    if (isConflict(error)) return 'overtaken';
    throw error;
  }
}

/** Whoever judges by health has read it a while ago. */
const stillAsUnwell = ({ entitiesTable }: DisableEndpointOptions, endpoint: KnownEndpoint) => ({
  ConditionCheck: {
    TableName: entitiesTable,
    Key: endpointHealthKey(endpoint),
    ...whileVersion(endpoint.health?.version ?? 0),
  },
});

function onlyHealthDiffers({ CancellationReasons = [] }: TransactionCanceledException): boolean {
  const [ofEndpoint, , ofHealth] = CancellationReasons.map(({ Code }) => Code);
  return ofHealth === 'ConditionalCheckFailed' && ofEndpoint === 'None';
}

const isConflict = (error: unknown): boolean =>
  error instanceof Error && error.name === 'TransactionConflictException';
