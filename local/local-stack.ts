import type { Json } from './intrinsics.ts';
import type { InvocationResult } from './lambda/process.ts';

/** Where each engine listens: base URLs on 127.0.0.1. */
export interface StackAddresses {
  readonly mqtt: string;
  readonly api: string;
  /** The issuer whose tokens the API takes: its own mock, unless the stage names another. */
  readonly oidc: string;
  readonly iotData: string;
  readonly dynamodb: string;
  readonly sqs: string;
  readonly kms: string;
  readonly s3: string;
}

/** Region and credentials that every client of the engines uses; an `endpoint` comes from `addresses`. */
export interface AwsClientConfig {
  readonly region: string;
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
}

/** What one function did since the start. */
export interface FunctionStats {
  readonly invocations: number;
  /** Invocations that ended in an error, a timeout or a dead process. */
  readonly errors: number;
  /** Processes that died or were killed for exceeding the timeout, and were replaced. */
  readonly replaced: number;
  /** CPU time in milliseconds, user and system, of all invocations together. */
  readonly cpuMs: number;
  /** Of all invocations together, each rounded up to a whole millisecond as Lambda's bill does. */
  readonly billedMs: number;
  readonly memoryMb: number;
  /** What its processes wrote, metrics included. */
  readonly logLines: number;
  readonly logBytes: number;
  /** AWS requests by service and operation (`DynamoDB.GetItem`, `SQS.SendMessageBatch`, `KMS.Decrypt`, `IoT.Publish`). */
  readonly requests: Readonly<Record<string, number>>;
  /** HTTP requests to anything that is no AWS engine. */
  readonly httpRequests: number;
}

/** What one event source mapping asked of its queue since the start. */
export interface PollStats {
  readonly receives: number;
  /** Receives that brought nothing: at AWS their number depends on time and not on messages. */
  readonly emptyReceives: number;
  readonly deletes: number;
  readonly messages: number;
}

/** A running stack. */
export interface LocalStack {
  readonly dataDir: string;
  readonly addresses: StackAddresses;
  readonly aws: AwsClientConfig;
  /** Logical id to physical name. */
  readonly tables: Readonly<Record<string, string>>;
  /** Logical id to URL. */
  readonly queues: Readonly<Record<string, string>>;
  /** Logical id to physical name. */
  readonly functions: Readonly<Record<string, string>>;
  readonly buckets: Readonly<Record<string, string>>;
  /** ARN of the key that endpoints' secrets are encrypted under. */
  readonly secretsKeyArn: string;
  /** The environment variables that the template gives a function, resolved. Throws for an unknown logical id. */
  functionEnvironment(logicalId: string): Readonly<Record<string, string>>;
  /** Process ids of a function's live processes. */
  functionPids(logicalId: string): readonly number[];
  /** Runs a function once, as `aws lambda invoke` would; never rejects. Throws for an unknown logical id. */
  invoke(logicalId: string, event: Json): Promise<InvocationResult>;
  /** By logical id. */
  stats(): Readonly<Record<string, FunctionStats>>;
  /** Of the mappings of queues, by logical id. */
  polls(): Readonly<Record<string, PollStats>>;
  /** Milliseconds that each phase of the start took. */
  readonly phases: Readonly<Record<string, number>>;
  /** Ends everything in order; resolves when no process is left. */
  stop(): Promise<void>;
}
