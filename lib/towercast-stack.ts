import { Annotations, type App, CfnOutput, Stack } from 'aws-cdk-lib/core';
import path from 'node:path';
import { bundleFunctions } from './bundle.ts';
import type { StageConfig } from './config.ts';
import { OperationsDashboard } from './dashboard.ts';
import { Delivery } from './delivery.ts';
import { FanOut } from './fan-out.ts';
import { FunctionAlarms } from './function-alarms.ts';
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
    const deliveryQueues = delivery.queues;
    const fanOut = new FanOut(this, 'FanOut', { config, bundles, storage, deliveryQueues });
    const timers = new Timers(this, 'Timers', { config, bundles, storage, deliveryQueues });
    const api = new PartnerApi(this, 'Api', { config, bundles, storage, secrets });

    const functions = {
      ingest: ingest.function,
      'fan-out': fanOut.function,
      deliver: delivery.deliver,
      'dead-letter': delivery.deadLetter,
      timers: timers.function,
      api: api.function,
    };
    this.#warnOfSilence(config);
    new FunctionAlarms(this, 'FunctionAlarms', { config, functions, watchedAlready: [timers.function] });
    new OperationsDashboard(this, 'Operations', {
      config,
      functions,
      root: this,
      queues: deliveryQueues,
      ingestDeadLetters: [ingest.dlq, ingest.ruleErrors],
      apiId: api.apiId,
    });

    this.#outputs({
      EntitiesTableName: storage.entities.tableName,
      EventsTableName: storage.events.tableName,
      DeliveriesTableName: storage.deliveries.tableName,
      DeliveryQueueUrl: deliveryQueues.live.queueUrl,
      SlowDeliveryQueueUrl: deliveryQueues.slow.queueUrl,
      OrderedDeliveryQueueUrl: deliveryQueues.ordered.queueUrl,
      DeliveryDlqUrl: deliveryQueues.dlq.queueUrl,
      OrderedDeliveryDlqUrl: deliveryQueues.orderedDlq.queueUrl,
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

  /** What data is kept for is watched by somebody, who would wait in vain. */
  #warnOfSilence({ retainData, alarmTopicArn }: StageConfig): void {
    if (retainData && alarmTopicArn === undefined)
      Annotations.of(this).addWarningV2(
        'towercast:alarmTopic',
        'Alarms tell nobody: set alarmTopicArn. See "Deploy" in README.md.',
      );
  }

  #outputs(values: Readonly<Record<string, string>>): void {
    for (const [name, value] of Object.entries(values)) new CfnOutput(this, name, { value });
  }
}
