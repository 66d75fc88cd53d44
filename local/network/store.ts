import * as z from 'zod';
import type { ReservationPolicy } from '../../functions/domain/reservation.ts';
import { IngestEnvSchema } from '../../functions/ingest/env.ts';
import { createDocuments, QueryCommand } from '../../functions/shared/aws/documents.ts';
import { createKmsClient } from '../../functions/shared/aws/kms.ts';
import { createCommit, type Commit } from '../../functions/shared/commit.ts';
import {
  createEntityStore,
  type EntityStore,
  type EntityStoreOptions,
} from '../../functions/shared/entity-store.ts';
import {
  createSecretsOpener,
  sealSecrets,
  type SecretsOpener,
  type SecretsOwner,
} from '../../functions/shared/secrets.ts';
import type { EndpointSecrets } from '../../schemas/endpoint.ts';
import { instantFromMs } from '../../schemas/instant.ts';
import type { Instant } from '../../schemas/primitives.ts';
import type { LocalStack } from '../local-stack.ts';

/** What the loader needs of a stack. */
export type NetworkTarget = Pick<LocalStack, 'addresses' | 'aws' | 'secretsKeyArn' | 'functionEnvironment'>;

/** A network at rest, reached as the stack's own functions reach it. */
export interface NetworkStore {
  entities: EntityStore;
  commit: Commit;
  seal(owner: SecretsOwner, secrets: EndpointSecrets): Promise<string>;
  opener: SecretsOpener;
  /** Ids of a partner's reservations, the last in the order of the alphabet first. */
  lastReservationIds(partnerId: string, limit: number): Promise<string[]>;
  policy: ReservationPolicy;
  /** Of events and deliveries. */
  retentionDays: number;
  now(): Instant;
  close(): void;
}

/** Tables and settings are those of the `ingest` function, so that what is stored here is what it would store. */
export function openNetworkStore(stack: NetworkTarget): NetworkStore {
  const settings = IngestEnvSchema.parse(stack.functionEnvironment('IngestFunction'));
  const documents = createDocuments({ ...stack.aws, endpoint: stack.addresses.dynamodb });
  const kms = createKmsClient({ ...stack.aws, endpoint: stack.addresses.kms });
  const tables = {
    documents,
    entitiesTable: settings.ENTITIES_TABLE,
    eventsTable: settings.EVENTS_TABLE,
    dueShards: settings.DUE_SHARDS,
    retentionDays: settings.RETENTION_DAYS,
  };
  return {
    entities: createEntityStore(tables),
    commit: createCommit(tables),
    seal: (owner, secrets) => sealSecrets(kms, stack.secretsKeyArn, owner, secrets),
    opener: createSecretsOpener({ kms, keyArn: stack.secretsKeyArn, now: Date.now }),
    lastReservationIds: (partnerId, limit) => queryReservationIds(tables, partnerId, limit),
    policy: { graceHours: settings.GRACE_HOURS },
    retentionDays: settings.RETENTION_DAYS,
    now: () => instantFromMs(Date.now()),
    close() {
      documents.destroy();
      kms.destroy();
    },
  };
}

const ListedSchema = z.object({ listSk: z.string() });

async function queryReservationIds(
  { documents, entitiesTable }: EntityStoreOptions,
  partnerId: string,
  limit: number,
): Promise<string[]> {
  const { Items = [] } = await documents.send(
    new QueryCommand({
      TableName: entitiesTable,
      IndexName: 'byPartner',
      KeyConditionExpression: 'listPk = :partner',
      ExpressionAttributeValues: { ':partner': `reservation#${partnerId}` },
      ScanIndexForward: false,
      Limit: limit,
    }),
  );
  return Items.map((item) => ListedSchema.parse(item).listSk);
}
