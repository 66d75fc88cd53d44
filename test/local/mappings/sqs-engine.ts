import { SQSClient } from '@aws-sdk/client-sqs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { aws } from '../../../local/engines/engines.ts';
import { startFauxqs } from '../../../local/engines/fauxqs.ts';

export interface SqsEngine extends AsyncDisposable {
  readonly sqs: SQSClient;
}

/** SQS with no queue yet. */
export async function startSqsEngine(): Promise<SqsEngine> {
  const folder = await mkdtemp(path.join(tmpdir(), 'towercast-sqs-'));
  const engine = await startFauxqs(folder, aws.region);
  const sqs = new SQSClient({ ...aws, endpoint: engine.endpoint });
  return {
    sqs,
    async [Symbol.asyncDispose]() {
      sqs.destroy();
      await engine.stop();
      await rm(folder, { recursive: true });
    },
  };
}
