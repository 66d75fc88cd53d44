import type { IncomingHttpHeaders } from 'node:http';
import * as z from 'zod';
import type { Call, Service } from './call.ts';

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

const awsAnswer = (status: number, content: object, headers: IncomingHttpHeaders = {}): Answer => ({
  status,
  headers: { 'content-type': 'application/x-amz-json-1.0', ...headers },
  body: Buffer.from(JSON.stringify(content)),
});

const awsError = (status: number, type: string, more: object = {}): Answer =>
  awsAnswer(status, { __type: type, message: 'made to fail', ...more }, { 'x-amzn-errortype': type });

const plain = (status: number, headers: IncomingHttpHeaders = {}): Answer => ({
  status,
  headers,
  body: Buffer.alloc(0),
});

/** What a service says that has done what was asked. */
export const success = (content: object): Answer => awsAnswer(200, content);

/** As each service says it. */
export const failures: Readonly<Record<Service, { error: Answer; throttle: Answer; refusal: Answer }>> = {
  DynamoDB: {
    error: awsError(500, 'com.amazonaws.dynamodb.v20120810#InternalServerError'),
    throttle: awsError(400, 'com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException'),
    refusal: awsError(400, 'com.amazon.coral.service#AccessDeniedException'),
  },
  SQS: {
    error: awsError(500, 'com.amazonaws.sqs#InternalFailure'),
    throttle: awsError(400, 'com.amazonaws.sqs#RequestThrottled'),
    refusal: awsError(403, 'com.amazonaws.sqs#AccessDeniedException'),
  },
  KMS: {
    error: awsError(500, 'KMSInternalException'),
    throttle: awsError(400, 'ThrottlingException'),
    refusal: awsError(400, 'AccessDeniedException'),
  },
  IoT: {
    error: awsError(500, 'InternalFailureException'),
    throttle: awsError(429, 'ThrottlingException'),
    refusal: awsError(403, 'UnauthorizedException'),
  },
  Partner: { error: plain(500), throttle: plain(429, { 'retry-after': '1' }), refusal: plain(404) },
};

const TransactionSchema = z.object({ TransactItems: z.array(z.json()) });

/** Another transaction is at the request's first item. */
export function conflictOf({ operation }: Call, body: unknown): Answer {
  const ofOne = 'com.amazonaws.dynamodb.v20120810#TransactionConflictException';
  if (operation !== 'TransactWriteItems') return awsError(400, ofOne);
  const { TransactItems } = TransactionSchema.parse(body);
  return awsError(400, 'com.amazonaws.dynamodb.v20120810#TransactionCanceledException', {
    CancellationReasons: TransactItems.map((_, index) => ({
      Code: index === 0 ? 'TransactionConflict' : 'None',
    })),
  });
}
