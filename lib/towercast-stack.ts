import { type App, CfnOutput, Stack } from 'aws-cdk-lib/core';
import path from 'node:path';
import { bundleFunctions } from './bundle.ts';
import type { StageConfig } from './config.ts';
import { Delivery } from './delivery.ts';
import { FanOut } from './fan-out.ts';
import { Ingest } from './ingest.ts';
import { PartnerApi } from './partner-api.ts';
import { Secrets } from './secrets.ts';
import { Storage } from './storage.ts';
import { Synthesizer } from './synthesizer.ts';
import { Timers } from './timers.ts';

/** All of Towercast in one account and region. Takes both from wherever it is deployed to. */
export class TowercastStack extends Stack {
  constructor(app: App, config: StageConfig) {
    super(app, `Towercast-${config.stage}`, {
      description: `Towercast (${config.stage}): tower telemetry in, signed webhooks out`,
      terminationProtection: config.retainData,
      synthesizer: new Synthesizer(),
      analyticsReporting: false,
    });
    const bundles = bundleFunctions(path.join(app.outdir, 'bundles'));
    const storage = new Storage(this, 'Storage', { config });
    const secrets = new Secrets(this, 'Secrets', { config });
    const ingest = new Ingest(this, 'Ingest', { config, bundles, storage });
    const delivery = new Delivery(this, 'Delivery', { config, bundles, storage, secrets });
    const deliveryQueue = delivery.queue;
    const fanOut = new FanOut(this, 'FanOut', { config, bundles, storage, deliveryQueue });
    new Timers(this, 'Timers', { config, bundles, storage, deliveryQueue });
    const api = new PartnerApi(this, 'Api', { config, bundles, storage, secrets, deliveryQueue });

    this.#outputs({
      EntitiesTableName: storage.entities.tableName,
      EventsTableName: storage.events.tableName,
      DeliveriesTableName: storage.deliveries.tableName,
      DeliveryQueueUrl: delivery.queue.queueUrl,
      DeliveryDlqUrl: delivery.dlq.queueUrl,
      IngestDlqUrl: ingest.dlq.queueUrl,
      RuleErrorQueueUrl: ingest.ruleErrors.queueUrl,
      FanOutFailuresBucketName: fanOut.failures.bucketName,
      SecretsKeyArn: secrets.key.keyArn,
      TowerRuleName: ingest.rule.ref,
      TowerPolicyName: ingest.towerPolicy.ref,
      ApiUrl: api.url,
      ...api.signIn.outputs,
    });
  }

  #outputs(values: Readonly<Record<string, string>>): void {
    for (const [name, value] of Object.entries(values)) new CfnOutput(this, name, { value });
  }
}
