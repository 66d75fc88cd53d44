import { setTimeout as wait } from 'node:timers/promises';
import * as z from 'zod';
import { defaultEndpoint, type AwsService } from './endpoint.ts';
import { loadAwsEnv, type AwsEnv } from './env.ts';
import { AwsError, retryReason, type AwsErrorFields } from './errors.ts';
import { createRetryQuota, retryDelayMs } from './retry.ts';
import { signRequest, type Credentials, type SigningScope } from './sign.ts';
import { createTransport, type HttpAnswer, type HttpRequest, type Transport } from './transport.ts';

/** All of it has defaults: a function in Lambda gives none. */
export interface AwsClientOptions {
  /** Default: AWS_ENDPOINT_URL_{service}, else AWS_ENDPOINT_URL, else the region's. */
  endpoint?: string;
  /** Default: AWS_REGION. */
  region?: string;
  /** Default: those in the environment. */
  credentials?: Credentials;
  /** The first one included. */
  maxAttempts?: number;
  connectTimeoutMs?: number;
  /** Of one attempt. */
  requestTimeoutMs?: number;
  /** Stands between the client and the network; default: the network. */
  transport?: (network: Transport) => Transport;
  /** From 0 to 1. */
  random?: () => number;
  pause?: (ms: number) => Promise<void>;
}

export interface AwsClient {
  /**
   * The answer's JSON, retried as the SDK's standard mode would. Throws AwsError, or what `toError` makes of the
   * service's error.
   */
  call(request: HttpRequest, toError?: ToError): Promise<unknown>;
  close(): void;
}

/** Turns an error of the service into one that says more; `body` is the answer. */
export type ToError = (fields: AwsErrorFields, body: unknown) => AwsError;

const endpointVariables = {
  dynamodb: 'AWS_ENDPOINT_URL_DYNAMODB',
  sqs: 'AWS_ENDPOINT_URL_SQS',
  kms: 'AWS_ENDPOINT_URL_KMS',
  iotdata: 'AWS_ENDPOINT_URL_IOT_DATA_PLANE',
} as const satisfies Record<AwsService, keyof AwsEnv>;

export function createAwsClient(service: AwsService, options: AwsClientOptions): AwsClient {
  const {
    maxAttempts = 4,
    connectTimeoutMs = 1_000,
    requestTimeoutMs = 2_000,
    transport: between = (network: Transport) => network,
    random = Math.random,
    pause = async (ms) => wait(ms),
  } = options;
  const { endpoint, ...scope } = placeOf(service, options);
  const transport = between(createTransport({ endpoint, connectTimeoutMs, requestTimeoutMs }));
  const quota = createRetryQuota();

  return {
    async call(request, toError = defaultError) {
      let taken = 0;
      for (let attempt = 1; ; attempt += 1) {
        const outcome = await attemptOnce(transport, scope, request, toError);
        if (outcome.kind === 'answered') {
          quota.giveBack(taken);
          return outcome.body;
        }
        const { error } = outcome;
        error.attempts = attempt;
        if (error.retry === null || attempt >= maxAttempts) throw error;
        const cost = quota.take(error.retry);
        if (cost === null) throw error;
        taken = cost;
        await pause(retryDelayMs(error.retry, attempt, random));
      }
    },
    close: () => transport.close(),
  };
}

/** Reads the environment only for what is not given. */
function placeOf(service: AwsService, options: AwsClientOptions): SigningScope & { endpoint: URL } {
  let loaded: AwsEnv | undefined;
  const env = (): AwsEnv => (loaded ??= loadAwsEnv());
  const region = options.region ?? env().AWS_REGION;
  const endpoint = new URL(
    options.endpoint ??
      env()[endpointVariables[service]] ??
      env().AWS_ENDPOINT_URL ??
      defaultEndpoint(service, region),
  );
  const credentials = options.credentials ?? credentialsOf(env());
  return { service, region, host: endpoint.host, credentials, endpoint };
}

const credentialsOf = (env: AwsEnv): Credentials => ({
  accessKeyId: env.AWS_ACCESS_KEY_ID,
  secretAccessKey: env.AWS_SECRET_ACCESS_KEY,
  ...(env.AWS_SESSION_TOKEN !== undefined && { sessionToken: env.AWS_SESSION_TOKEN }),
});

type Outcome = { kind: 'answered'; body: unknown } | { kind: 'failed'; error: AwsError };

async function attemptOnce(
  transport: Transport,
  scope: SigningScope,
  request: HttpRequest,
  toError: ToError,
): Promise<Outcome> {
  let answer: HttpAnswer;
  try {
    answer = await transport.send({ ...request, headers: signRequest(scope, request) });
  } catch (error) {
    if (!(error instanceof AwsError)) throw error;
    return { kind: 'failed', error };
  }
  const body = readJson(answer.body);
  if (answer.status >= 200 && answer.status < 300 && body !== undefined) return { kind: 'answered', body };
  return { kind: 'failed', error: errorOf(answer, body, toError) };
}

/** Undefined for what is not JSON. An empty body is an empty answer. */
function readJson(text: string): unknown {
  if (text === '') return {};
  try {
    const value: unknown = JSON.parse(text);
    return value;
  } catch {
    return undefined;
  }
}

const ErrorBodySchema = z
  .object({ __type: z.string(), code: z.string(), message: z.string(), Message: z.string() })
  .partial()
  .catch({});

const defaultError: ToError = (fields) => new AwsError(fields);

function errorOf({ status, headers }: HttpAnswer, body: unknown, toError: ToError): AwsError {
  const { __type, code, message, Message } = ErrorBodySchema.parse(body ?? {});
  const type = z.string().optional().catch(undefined).parse(headers['x-amzn-errortype']) ?? __type ?? code;
  // `com.amazonaws.dynamodb.v20120810#ValidationException`, or `ValidationException:http://…`.
  const name = type?.replace(/^.*#/, '').replace(/:.*$/s, '') ?? 'UnreadableAnswer';
  const text = message ?? Message ?? `status ${status}, and no more is said`;
  return toError(
    {
      name,
      message: text,
      statusCode: status,
      retry: retryReason(status, name, text),
      requestId: z.string().nullable().catch(null).parse(headers['x-amzn-requestid']),
    },
    body,
  );
}
