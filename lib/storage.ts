import { RemovalPolicy } from 'aws-cdk-lib/core';
import {
  type Attribute,
  AttributeType,
  BillingMode,
  ProjectionType,
  StreamViewType,
  Table,
  TableEncryption,
} from 'aws-cdk-lib/aws-dynamodb';
import { Construct } from 'constructs';
import type { StageConfig } from './config.ts';
import { fixLogicalId } from './logical-id.ts';

export interface StorageProps {
  readonly config: StageConfig;
}

const text = (name: string): Attribute => ({ name, type: AttributeType.STRING });

/** The three tables, all on demand. What each holds: docs/architecture.md. Keys: functions/shared/keys.ts. */
export class Storage extends Construct {
  readonly entities: Table;
  readonly events: Table;
  readonly deliveries: Table;

  constructor(scope: Construct, id: string, props: StorageProps) {
    super(scope, id);
    this.entities = this.#table('EntitiesTable', props.config);
    this.events = this.#table('EventsTable', props.config, StreamViewType.NEW_IMAGE);
    this.deliveries = this.#table('DeliveriesTable', props.config);

    addIndex(this.entities, 'byPartner', 'listPk', 'listSk');
    addIndex(this.entities, 'due', 'duePk', 'dueAt');
    addIndex(this.deliveries, 'due', 'duePk', 'dueAt');
  }

  #table(logicalId: string, config: StageConfig, stream?: StreamViewType): Table {
    const table = new Table(this, logicalId, {
      partitionKey: text('pk'),
      sortKey: text('sk'),
      billingMode: BillingMode.PAY_PER_REQUEST,
      encryption: TableEncryption.AWS_MANAGED,
      pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
      // Cleans up only. It runs days late, so nothing is ever timed by it.
      timeToLiveAttribute: 'expiresAt',
      removalPolicy: config.retainData ? RemovalPolicy.RETAIN : RemovalPolicy.DESTROY,
      deletionProtection: config.retainData,
      ...(stream === undefined ? {} : { stream }),
    });
    return fixLogicalId(table, logicalId);
  }
}

/** Sparse: an item without these attributes is not in the index and costs it no write. */
function addIndex(table: Table, indexName: string, partitionKey: string, sortKey: string): void {
  table.addGlobalSecondaryIndex({
    indexName,
    partitionKey: text(partitionKey),
    sortKey: text(sortKey),
    projectionType: ProjectionType.KEYS_ONLY,
  });
}
