import {
  CreateQueueCommand,
  DeleteMessageCommand,
  ReceiveMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import { startFauxqs, type FauxqsServer } from 'fauxqs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createHandOver } from '../../../../functions/deliver/lane/hand-over.ts';
import { createSqsClient, type SqsClient } from '../../../../functions/shared/aws/sqs.ts';
import { makeSqsRecord } from '../../../helpers/batches.ts';

let engine: FauxqsServer;
let receiver: SQSClient;
let sqs: SqsClient;
let dlqUrl: string;
beforeAll(async () => {
  engine = await startFauxqs({ port: 0, logger: false, host: '127.0.0.1' });
  const place = {
    endpoint: engine.address,
    region: 'eu-central-1',
    credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
  };
  receiver = new SQSClient(place);
  sqs = createSqsClient(place);
  const fifo = { QueueName: 'dlq.fifo', Attributes: { FifoQueue: 'true' } };
  dlqUrl = (await receiver.send(new CreateQueueCommand(fifo))).QueueUrl ?? '';
});
afterAll(async () => {
  receiver.destroy();
  sqs.destroy();
  await engine.stop();
});

const messageOf = (MessageDeduplicationId: string, body: string) => {
  const record = makeSqsRecord(`m-${body}`, body);
  Object.assign(record.attributes, { MessageGroupId: 'lane-1', MessageDeduplicationId });
  return record;
};

/** Body and group of the queue's next message, which is deleted. */
async function takeNext() {
  const { Messages: [message] = [] } = await receiver.send(
    new ReceiveMessageCommand({ QueueUrl: dlqUrl, MessageSystemAttributeNames: ['MessageGroupId'] }),
  );
  if (message !== undefined)
    await receiver.send(new DeleteMessageCommand({ QueueUrl: dlqUrl, ReceiptHandle: message.ReceiptHandle }));
  return [message?.Body, message?.Attributes?.MessageGroupId];
}

describe('a message that is handed to the DLQ', () => {
  it('comes as it was, in its group, in order, and once however often it is handed over', async () => {
    const handOver = createHandOver({ sqs, dlqUrl });
    await handOver(messageOf('task-1', '{"first":"\\ufffe"}'));
    await handOver(messageOf('task-2', 'second'));
    await handOver(messageOf('task-1', '{"first":"\\ufffe"}'));
    expect([await takeNext(), await takeNext(), await takeNext()]).toEqual([
      ['{"first":"\\ufffe"}', 'lane-1'],
      ['second', 'lane-1'],
      [undefined, undefined],
    ]);
  });

  it('is not taken for handed over when SQS refuses it', async () => {
    const refusing = createHandOver({
      sqs: {
        ...sqs,
        sendMessageBatch: async () => ({
          Successful: [],
          Failed: [{ Id: '0', SenderFault: false, Code: 'InternalError' }],
        }),
      },
      dlqUrl,
    });
    await expect(refusing(messageOf('task-3', 'third'))).rejects.toMatchObject({ code: 'task_not_sent' });
  });
});
