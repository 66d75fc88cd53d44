import { DeleteMessageCommand, ReceiveMessageCommand, type SQSClient } from '@aws-sdk/client-sqs';
import * as z from 'zod';
import type { LocalStack } from '../../local/local-stack.ts';
import { tagsIn } from './call.ts';
import type { FaultPlan } from './fault-plan.ts';

/** What a stage gave up on, where its alarm points an operator to. */
interface Parked {
  /** Logical id of the function to invoke with it, by the runbook. */
  readonly function: string;
  readonly payload: z.infer<ReturnType<typeof z.json>>;
  readonly tags: readonly string[];
}

export interface LostAndFoundOptions {
  readonly stack: LocalStack;
  readonly sqs: SQSClient;
  readonly plan: FaultPlan;
}

const EnvelopeSchema = z.object({ requestPayload: z.json() });
const RuleErrorSchema = z.object({
  topic: z.string(),
  clientId: z.string(),
  base64OriginalPayload: z.string(),
  cloudwatchTraceId: z.string(),
});
const RecordsSchema = z.object({ payload: z.string() });
const BatchSchema = z.object({ batchItemFailures: z.array(z.unknown()) });

/** An answer, too, may say that some of it failed: whoever invokes by hand has nobody who gives that again. */
export async function invokeWhole(
  { invoke }: Pick<LocalStack, 'invoke'>,
  name: string,
  payload: Parked['payload'],
): Promise<boolean> {
  const result = await invoke(name, payload);
  if (!result.ok) return false;
  const batch = BatchSchema.safeParse(result.payload).data;
  return batch === undefined || batch.batchItemFailures.length === 0;
}

/** The operator: finds what rests in dead-letter queues and in S3, and puts it back once the fault is repaired. */
export class LostAndFound {
  readonly #options: LostAndFoundOptions;
  readonly #found: Parked[] = [];
  readonly #objects = new Set<string>();
  readonly #tags = new Set<string>();
  #waiting: Parked[] = [];

  constructor(options: LostAndFoundOptions) {
    this.#options = options;
  }

  /** Whether something of this case was found. */
  has(tag: string): boolean {
    return this.#tags.has(tag);
  }

  get count(): number {
    return this.#found.length;
  }

  async look(): Promise<void> {
    await this.#drain('IngestDlq', (body) => EnvelopeSchema.parse(body).requestPayload);
    await this.#drain('RuleErrorQueue', (body) => ruleEvent(RuleErrorSchema.parse(body)));
    await this.#readBuckets();
    const { plan, stack } = this.#options;
    const isBroken = ({ function: name, tags }: Parked) =>
      plan.faults.some(({ lasts, input }) => lasts && input.function === name && tags.includes(input.tag));
    const [broken, repaired] = [
      this.#waiting.filter(isBroken),
      this.#waiting.filter((one) => !isBroken(one)),
    ];
    this.#waiting = broken;
    const failed = await Promise.all(
      repaired.map(async (one) => ((await invokeWhole(stack, one.function, one.payload)) ? [] : [one])),
    );
    this.#waiting.push(...failed.flat());
  }

  #keep(parked: Parked): void {
    this.#found.push(parked);
    this.#waiting.push(parked);
    for (const tag of parked.tags) this.#tags.add(tag);
  }

  async #drain(queue: string, payloadOf: (body: unknown) => Parked['payload']): Promise<void> {
    const { stack, sqs } = this.#options;
    const QueueUrl = stack.queues[queue];
    const { Messages = [] } = await sqs.send(
      new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10, WaitTimeSeconds: 0 }),
    );
    for (const { Body = '', ReceiptHandle } of Messages) {
      const payload = payloadOf(JSON.parse(Body));
      const { topic } = z.looseObject({ topic: z.string() }).parse(payload);
      const bytes = z.looseObject({ payload: z.string() }).parse(payload).payload;
      const tags = tagsIn(`${topic} ${Buffer.from(bytes, 'base64').toString()}`);
      this.#keep({ function: 'IngestFunction', payload, tags });
      await sqs.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle }));
    }
  }

  async #readBuckets(): Promise<void> {
    const { stack } = this.#options;
    for (const bucket of Object.values(stack.buckets)) {
      const base = `${stack.addresses.s3}/${bucket}`;
      const listing = await (await fetch(`${base}?list-type=2`)).text();
      for (const [, key = ''] of listing.matchAll(/<Key>([^<]+)<\/Key>/g)) {
        if (this.#objects.has(key)) continue;
        this.#objects.add(key);
        const { payload } = RecordsSchema.parse(await (await fetch(`${base}/${key}`)).json());
        this.#keep({
          function: 'FanOutFunction',
          payload: z.json().parse(JSON.parse(payload)),
          tags: tagsIn(payload),
        });
      }
    }
  }
}

/** By the runbook: what the rule would have handed over. */
const ruleEvent = (error: z.infer<typeof RuleErrorSchema>) => ({
  payload: error.base64OriginalPayload,
  topic: error.topic,
  clientId: error.clientId,
  receivedAt: Date.now(),
  traceId: error.cloudwatchTraceId,
});
