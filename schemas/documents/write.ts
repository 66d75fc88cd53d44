import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { format, resolveConfig } from 'prettier';
import * as z from 'zod';
import { operations } from '../../functions/api/operations.ts';
import { buildAsyncApi } from './asyncapi.ts';
import { buildOpenApi } from './openapi.ts';

const root = path.resolve(import.meta.dirname, '../..');
const PackageSchema = z.object({ version: z.string() });

/** What the committed documents must say, by their path from the root. */
export async function generateDocuments(): Promise<Record<string, string>> {
  const manifest: unknown = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'));
  const { version } = PackageSchema.parse(manifest);
  return {
    'docs/api/openapi.json': await toText(buildOpenApi(operations, version)),
    'docs/api/asyncapi.json': await toText(buildAsyncApi(version)),
  };
}

/** Formatted like the rest of the project, so that the format check has nothing to say. */
async function toText(document: object): Promise<string> {
  const config = await resolveConfig(path.join(root, 'package.json'));
  return format(JSON.stringify(document), { ...config, parser: 'json' });
}

if (import.meta.main) {
  for (const [file, text] of Object.entries(await generateDocuments()))
    writeFileSync(path.join(root, file), text);
}
