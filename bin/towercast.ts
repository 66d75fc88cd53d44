import { App } from 'aws-cdk-lib/core';
import { addChecks, appContext } from '../lib/checks.ts';
import { loadStageConfig, StageConfigError } from '../lib/config.ts';
import { TowercastStack } from '../lib/towercast-stack.ts';

try {
  const app = new App({ context: appContext });
  const config = loadStageConfig(app.node.tryGetContext('stage'), app.node.tryGetContext('config'));
  new TowercastStack(app, config);
  addChecks(app);
  app.synth();
} catch (error) {
  if (!(error instanceof StageConfigError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
}
