import { readFileSync } from 'node:fs';
import path from 'node:path';
import * as z from 'zod';
import { type Json, type References, resolve } from './intrinsics.ts';
import { account, ignoredTypes, region, runTypes } from './resource-types.ts';
import { StartError } from './start-error.ts';

const ResourceSchema = z.object({
  Type: z.string(),
  Properties: z.record(z.string(), z.json()).default({}),
});
type Resource = z.infer<typeof ResourceSchema>;

export const TemplateSchema = z.object({
  Resources: z.record(z.string(), ResourceSchema),
  Parameters: z.record(z.string(), z.object({ Default: z.json().optional() })).default({}),
});

/** A resource with its logical id and its physical name. */
export interface TypedResource<T> {
  readonly id: string;
  readonly name: string;
  readonly properties: T;
}

/** What only the engines know: where a queue listens. By logical id. */
export type QueueAddresses = Map<string, { url: string; arn: string }>;

/** What only a running server knows of itself, by `{logicalId}.{attribute}`. */
export type ServerAddresses = Map<string, string>;

/**
 * The synthesized template, read as CloudFormation would: typed properties with every reference resolved. A type that
 * the local stack neither runs nor knowingly leaves out is refused by name.
 */
export class Template implements References {
  readonly stackName: string;
  readonly #resources: ReadonlyMap<string, Resource>;
  readonly #parameters: ReadonlyMap<string, Json>;
  readonly #queues: QueueAddresses;
  readonly #servers: ServerAddresses;

  constructor(
    stackName: string,
    content: unknown,
    queues: QueueAddresses = new Map(),
    servers: ServerAddresses = new Map(),
  ) {
    const template = TemplateSchema.parse(content);
    this.stackName = stackName;
    this.#queues = queues;
    this.#servers = servers;
    this.#resources = new Map(Object.entries(template.Resources));
    this.#parameters = new Map(
      Object.entries(template.Parameters).map(([name, { Default }]) => [name, Default ?? null]),
    );
    for (const [logicalId, { Type }] of this.#resources)
      if (!(Type in runTypes) && !(Type in ignoredTypes))
        throw new StartError(
          'unknown_resource_type',
          `the template has ${logicalId} of type ${Type}, which the local stack does not know: run or ignore it in local/resource-types.ts`,
        );
  }

  /** Reads `{assembly}/{stackName}.template.json`. */
  static read(
    assembly: string,
    stackName: string,
    queues: QueueAddresses,
    servers: ServerAddresses,
  ): Template {
    const content = readJson(path.join(assembly, `${stackName}.template.json`));
    return new Template(stackName, content, queues, servers);
  }

  ids(type: string): string[] {
    return [...this.#resources].filter(([, { Type }]) => Type === type).map(([id]) => id);
  }

  /** A resource, its properties resolved and parsed. Throws StartError with its name. */
  resource<T extends z.ZodType>(id: string, schema: T): TypedResource<z.output<T>> {
    const { Type, Properties } = this.#get(id);
    const parsed = schema.safeParse(resolve(Properties, this));
    if (parsed.success) return { id, name: this.name(id), properties: parsed.data };
    const [issue] = parsed.error.issues;
    const where = ['Properties', ...(issue?.path ?? [])].join('.');
    throw new StartError(
      'unknown_property',
      `the template has ${id} (${Type}) with ${where} that the local stack does not run: ${issue?.message ?? ''}`,
    );
  }

  resources<T extends z.ZodType>(type: string, schema: T): TypedResource<z.output<T>>[] {
    return this.ids(type).map((id) => this.resource(id, schema));
  }

  name(logicalId: string): string {
    const { Type, Properties } = this.#get(logicalId);
    const { nameProperty, nameFrom = (generated: string) => generated } =
      runTypes[Type] ?? ignoredTypes[Type] ?? {};
    const given = nameProperty === undefined ? undefined : Properties[nameProperty];
    return given === undefined
      ? nameFrom(`${this.stackName}-${logicalId}`, Properties)
      : z.string().parse(resolve(given, this));
  }

  ref(logicalId: string): string {
    const known = new Map<string, Json>([
      ...this.#parameters,
      ['AWS::AccountId', account],
      ['AWS::Region', region],
      ['AWS::Partition', 'aws'],
      ['AWS::URLSuffix', 'amazonaws.com'],
      ['AWS::StackName', this.stackName],
    ]).get(logicalId);
    if (known !== undefined) return z.coerce.string().parse(known);
    return this.#get(logicalId).Type === 'AWS::SQS::Queue'
      ? this.#queue(logicalId).url
      : this.name(logicalId);
  }

  attribute(logicalId: string, attribute: string): string {
    const { Type } = this.#get(logicalId);
    const address = this.#servers.get(`${logicalId}.${attribute}`);
    if (address !== undefined) return address;
    if (attribute === 'Arn' && Type === 'AWS::SQS::Queue') return this.#queue(logicalId).arn;
    const arn = (runTypes[Type] ?? ignoredTypes[Type])?.arn?.(this.name(logicalId));
    if (attribute === 'Arn' && arn !== undefined) return arn;
    // The engine gives a stream its real name; the mapping asks for it by table.
    if (attribute === 'StreamArn' && arn !== undefined) return `${arn}/stream/latest`;
    if (attribute === 'QueueName' || attribute === 'KeyId') return this.name(logicalId);
    throw new StartError(
      'unknown_attribute',
      `the template asks for ${logicalId}.${attribute} (${Type}), which the local stack does not know: add it to local/template.ts`,
    );
  }

  #get(logicalId: string): Resource {
    const resource = this.#resources.get(logicalId);
    if (resource) return resource;
    throw new StartError(
      'unknown_reference',
      `the template refers to ${logicalId}, which it does not contain`,
    );
  }

  #queue(logicalId: string) {
    const queue = this.#queues.get(logicalId);
    if (queue) return queue;
    throw new StartError('queue_not_created', `the template needs ${logicalId} before it can exist`);
  }
}

const AssetsSchema = z.object({
  files: z.record(
    z.string(),
    z.object({
      source: z.object({ path: z.string().optional() }),
      destinations: z.record(z.string(), z.object({ objectKey: z.string() })),
    }),
  ),
});

/** Directory of each asset by the S3 key that the template names it with. */
export function readAssets(assembly: string, stackName: string): ReadonlyMap<string, string> {
  const { files } = AssetsSchema.parse(readJson(path.join(assembly, `${stackName}.assets.json`)));
  return new Map(
    Object.values(files).flatMap(({ source, destinations }) =>
      Object.values(destinations).flatMap(({ objectKey }): [string, string][] =>
        source.path === undefined ? [] : [[objectKey, path.resolve(assembly, source.path)]],
      ),
    ),
  );
}

function readJson(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    throw new StartError(
      'assembly_unreadable',
      `cannot read ${file}: give --assembly a synthesized cloud assembly`,
      {
        cause: error,
      },
    );
  }
}
