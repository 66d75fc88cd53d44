import { readFileSync } from 'node:fs';
import { SourceMap } from 'node:module';
import path from 'node:path';
import * as z from 'zod';
import type { CpuProfile } from './inspector.ts';

export interface Share {
  name: string;
  ms: number;
}

/** Self time, the largest first. Milliseconds. */
export interface Attribution {
  /** Without idle. */
  busyMs: number;
  /** By what the code is for. */
  byKind: Share[];
  byModule: Share[];
  byFunction: Share[];
}

/** Where a frame comes from. What has no source is called after itself, in parentheses. */
export interface Origin {
  module: string;
  name: string;
}

type Frame = CpuProfile['nodes'][number]['callFrame'];
export type Locate = (frame: Frame) => Origin;

const root = path.resolve(import.meta.dirname, '../..');

/** Source: ECMA-426. */
const PayloadSchema = z.object({
  file: z.string().default(''),
  version: z.number(),
  sources: z.array(z.string()),
  sourcesContent: z.array(z.string()).default([]),
  names: z.array(z.string()),
  mappings: z.string(),
  sourceRoot: z.string().default(''),
});

/** Node's types leave out what a map may know: the name that was minified. */
const NamedSchema = z.object({ name: z.string().optional() });

/** By a bundle's source map: its frames are minified. */
export function createLocate(mapFile: string): Locate {
  const map = new SourceMap(PayloadSchema.parse(JSON.parse(readFileSync(mapFile, 'utf8'))));
  return ({ url, functionName, lineNumber, columnNumber }) => {
    const name = functionName === '' ? 'anonymous' : functionName;
    if (!url.endsWith('/index.mjs'))
      return { module: url === '' ? `(${name.replaceAll(/[()]/g, '')})` : url, name };
    const entry = map.findEntry(lineNumber, columnNumber);
    if (!('originalSource' in entry)) return { module: 'bundle', name };
    const module = relativeToRoot(path.resolve(path.dirname(mapFile), entry.originalSource));
    return { module, name: NamedSchema.parse(entry).name ?? `${name}:${entry.originalLine + 1}` };
  };
}

/** A package's file from its last node_modules on. */
const relativeToRoot = (file: string): string =>
  /node_modules\/(?!.*node_modules\/).*$/.exec(file)?.[0] ?? path.relative(root, file);

/** The first that matches. */
const kinds: readonly (readonly [kind: string, module: RegExp])[] = [
  ['garbage collector', /^\(garbage collector\)$/],
  ['native: sockets, hashes, JSON', /^\(/],
  [
    'SDK: signing',
    /signature-v4|sha256|crc32|hash-|httpAuthSchemes|sigv4|util-hex|is-array-buffer|util-buffer-from/i,
  ],
  [
    'SDK: serialization, marshalling',
    /protocols|schema|util-dynamodb|lib-dynamodb|util-utf8|util-base64|serde|dynamodb-codec/i,
  ],
  ['SDK: http handler', /node-http-handler|protocol-http|querystring|url-parser/i],
  ['SDK: middleware, retry, endpoints', /@aws-sdk|@smithy|@aws-crypto|@aws\//],
  ['zod', /node_modules\/zod/],
  ['Powertools, middy', /powertools|middy/],
  ['other packages', /node_modules/],
  ['Node: http', /^node:(?:_http|internal\/http|http)/],
  ['Node: sockets, streams', /^node:(?:net|internal\/stream|_stream|stream|internal\/net|internal\/socket)/],
  ['Node: crypto', /^node:(?:internal\/)?crypto/],
  ['Node: other', /^node:/],
  ['ours', /^(?:functions|schemas)\//],
  ['the local worker', /^file:/],
];

const kindOf = (module: string): string =>
  kinds.find(([, pattern]) => pattern.test(module))?.[0] ?? 'unknown';

export function attribute({ nodes, samples, timeDeltas }: CpuProfile, locate: Locate): Attribution {
  const self = new Map<number, number>();
  for (const [index, id] of samples.entries())
    // A delta is the time before its sample.
    self.set(id, (self.get(id) ?? 0) + (timeDeltas[index + 1] ?? 0) / 1000);
  const [byKind, byModule, byFunction] = [new Tally(), new Tally(), new Tally()];
  for (const { id, callFrame } of nodes) {
    const { module, name } = locate(callFrame);
    const ms = self.get(id) ?? 0;
    if (module === '(idle)' || ms === 0) continue;
    byKind.add(kindOf(module), ms);
    byModule.add(module, ms);
    byFunction.add(`${name} in ${module}`, ms);
  }
  return {
    busyMs: byKind.total,
    byKind: byKind.shares(),
    byModule: byModule.shares(),
    byFunction: byFunction.shares(),
  };
}

class Tally {
  readonly #times = new Map<string, number>();
  total = 0;

  add(name: string, ms: number): void {
    this.#times.set(name, (this.#times.get(name) ?? 0) + ms);
    this.total += ms;
  }

  shares(): Share[] {
    return [...this.#times].map(([name, ms]) => ({ name, ms })).sort((a, b) => b.ms - a.ms);
  }
}
