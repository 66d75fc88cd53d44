import path from 'node:path';
import * as z from 'zod';
import type { Json } from '../intrinsics.ts';
import { StartError } from '../start-error.ts';
import type { FunctionStats } from '../local-stack.ts';
import type { Template } from '../template.ts';
import { environmentOf, type FunctionDefinition, FunctionSchema } from './function-definition.ts';
import { type AsyncRules, EventInvokeSchema, invokeAsync } from './invoke-async.ts';
import { FunctionPool } from './pool.ts';
import type { InvocationResult } from './process.ts';

export interface FunctionsOptions {
  readonly template: Template;
  /** Directory of each asset by its S3 key. */
  readonly assets: ReadonlyMap<string, string>;
  /** Environment variables that every function gets. */
  readonly shared: Readonly<Record<string, string>>;
  /** Replaces a function's whole environment. */
  readonly environment?: (
    logicalId: string,
    usual: Readonly<Record<string, string>>,
  ) => Record<string, string>;
  /** Processes of a function at once. */
  readonly concurrency: (name: string) => number;
  /** Puts an envelope where an on-failure destination says. */
  readonly park: (destinationArn: string, envelope: Json) => Promise<void>;
  readonly log: (logicalId: string, line: string) => void;
}

const PermissionSchema = z.looseObject({
  Action: z.string(),
  FunctionName: z.string(),
  Principal: z.string(),
  SourceArn: z.string().optional(),
});

/** All functions of the template: their pools and what happens to their asynchronous invocations. */
export class Functions {
  readonly #pools: ReadonlyMap<string, FunctionPool>;
  readonly #asyncRules: ReadonlyMap<string, AsyncRules>;
  readonly #permissions: readonly z.infer<typeof PermissionSchema>[];

  constructor(options: FunctionsOptions) {
    const { template, park } = options;
    this.#pools = new Map(template.ids('AWS::Lambda::Function').map((id) => [id, createPool(id, options)]));
    this.#asyncRules = new Map(
      template.resources('AWS::Lambda::EventInvokeConfig', EventInvokeSchema).map(({ properties }) => {
        const { MaximumRetryAttempts, MaximumEventAgeInSeconds, DestinationConfig, FunctionName } =
          properties;
        const destination = DestinationConfig.OnFailure?.Destination;
        const rules: AsyncRules = {
          maxRetries: MaximumRetryAttempts,
          maxEventAgeMs: MaximumEventAgeInSeconds * 1000,
          ...(destination === undefined ? {} : { park: (envelope) => park(destination, envelope) }),
        };
        return [FunctionName, rules];
      }),
    );
    this.#permissions = template
      .resources('AWS::Lambda::Permission', PermissionSchema)
      .map(({ properties }) => properties);
  }

  /** Starts one process of each; throws StartError if a handler can't be loaded. */
  async warm(): Promise<void> {
    await Promise.all(
      [...this.#pools].map(async ([id, pool]) => {
        const error = await pool.warm();
        if (error)
          throw new StartError(
            'function_broken',
            `${id} can't be loaded: ${error.errorType}: ${error.errorMessage}`,
          );
      }),
    );
  }

  /** By name or ARN. Throws StartError for a function that the template doesn't have. */
  pool(nameOrArn: string): FunctionPool {
    for (const pool of this.#pools.values())
      if (pool.definition.name === nameOrArn || pool.definition.arn === nameOrArn) return pool;
    throw new StartError(
      'unknown_function',
      `the template refers to the function ${nameOrArn}, which it does not contain`,
    );
  }

  byLogicalId(logicalId: string): FunctionPool {
    const pool = this.#pools.get(logicalId);
    if (pool) return pool;
    throw new StartError('unknown_function', `the template has no function ${logicalId}`);
  }

  /** A synchronous invocation. */
  invoke(functionArn: string, event: Json): Promise<InvocationResult> {
    return this.pool(functionArn).invoke(event);
  }

  /** An asynchronous invocation by the function's own rules. See invokeAsync. */
  invokeAsync(functionArn: string, event: Json): Promise<void> {
    const pool = this.pool(functionArn);
    // Lambda's own defaults, when the function has no EventInvokeConfig.
    const rules = this.#asyncRules.get(pool.definition.name) ?? { maxRetries: 2, maxEventAgeMs: 21_600_000 };
    return invokeAsync(pool, event, rules);
  }

  /** At AWS a rule without this permission invokes nothing and tells nobody. */
  assertPermitted(functionArn: string, principal: string, sourceArn: string): void {
    const permitted = this.#permissions.some(
      (permission) =>
        permission.Action === 'lambda:InvokeFunction' &&
        permission.Principal === principal &&
        permission.SourceArn === sourceArn &&
        this.pool(permission.FunctionName) === this.pool(functionArn),
    );
    if (!permitted)
      throw new StartError(
        'permission_missing',
        `the template has no AWS::Lambda::Permission for ${principal} to invoke ${functionArn} from ${sourceArn}`,
      );
  }

  names(): Record<string, string> {
    return Object.fromEntries([...this.#pools].map(([id, pool]) => [id, pool.definition.name]));
  }

  stats(): Record<string, FunctionStats> {
    return Object.fromEntries([...this.#pools].map(([id, pool]) => [id, pool.stats()]));
  }

  /** Running invocations get `graceMs` to end. */
  async stop(graceMs: number): Promise<void> {
    await Promise.all([...this.#pools.values()].map((pool) => pool.stop(graceMs)));
  }
}

function createPool(logicalId: string, options: FunctionsOptions): FunctionPool {
  const definition = define(logicalId, options);
  const usual = environmentOf(definition, options.shared);
  return new FunctionPool({
    definition,
    environment: options.environment?.(logicalId, usual) ?? usual,
    log: (line) => options.log(logicalId, line),
  });
}

function define(logicalId: string, { template, assets, concurrency }: FunctionsOptions): FunctionDefinition {
  const { name, properties } = template.resource(logicalId, FunctionSchema);
  const directory = assets.get(path.posix.basename(properties.Code.S3Key));
  if (directory === undefined)
    throw new StartError(
      'asset_missing',
      `the assembly has no asset ${properties.Code.S3Key} for ${logicalId}`,
    );
  return {
    logicalId,
    name,
    arn: template.attribute(logicalId, 'Arn'),
    directory,
    handler: properties.Handler,
    timeoutMs: properties.Timeout * 1000,
    memoryMb: properties.MemorySize,
    concurrency: Math.min(concurrency(name), properties.ReservedConcurrentExecutions ?? Infinity),
    variables: properties.Environment.Variables,
  };
}
