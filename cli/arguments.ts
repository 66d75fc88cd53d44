import { parseArgs, type ParseArgsConfig } from 'node:util';
import type * as z from 'zod';
import { UsageError } from './cli-error.ts';
import type { Command } from './commands.ts';
import { validatorOf, type ApiDocument } from './document.ts';
import { bodySchema, type Flag, type FlagKind } from './flags.ts';
import { globalOptions, GlobalValuesSchema, type GlobalValues } from './global-options.ts';
import { kebabCase } from './names.ts';

/** What a command's arguments come to: a request but for the address and the token. */
export interface Call {
  path: string;
  query: URLSearchParams;
  headers: Record<string, string>;
  /** Undefined: none. */
  body: unknown;
}

/** Reads what `@file` and `-` stand for. */
export type ReadInput = (source: string) => string;

type Values = Record<string, string | boolean | (string | boolean)[] | undefined>;

/**
 * Throws UsageError for flags that don't exist, and with one line for each argument that the document does not allow.
 */
export function readCall(
  document: ApiDocument,
  command: Command,
  args: readonly string[],
  readInput: ReadInput,
): { call: Call; globals: GlobalValues } {
  const { values, positionals } = parse(command, args);
  const mistakes: string[] = [];
  const path = fillPath(command, positionals);
  const query = new URLSearchParams();
  const headers: Record<string, string> = {};
  for (const flag of command.flags.filter(({ in: place }) => place !== 'body')) {
    const value = values[flag.name];
    if (value === undefined) continue;
    const text = [value].flat().map(String).join(',');
    if (flag.in === 'query') query.set(flag.field, text);
    else headers[flag.field.toLowerCase()] = text;
  }
  for (const { name, in: place, required } of command.flags)
    if (place === 'query' && required && values[name] === undefined) mistakes.push(`--${name} is required`);
  const body = readBody(document, command, values, readInput, mistakes);
  if (mistakes.length > 0) throw new UsageError(mistakes.join('\n'));
  return { call: { path, query, headers, body }, globals: GlobalValuesSchema.parse(values) };
}

/** The options that a command's own flags are for parseArgs. */
export function optionsOf(command: Command): NonNullable<ParseArgsConfig['options']> {
  const options: NonNullable<ParseArgsConfig['options']> = { ...globalOptions };
  for (const { name, kind } of command.flags)
    options[name] = { type: kind === 'boolean' ? 'boolean' : 'string', multiple: kind === 'list' };
  if (bodySchema(command.operation) !== undefined) options['body'] = { type: 'string' };
  return options;
}

function parse(command: Command, args: readonly string[]): { values: Values; positionals: string[] } {
  try {
    return parseArgs({
      args: [...args],
      options: optionsOf(command),
      strict: true,
      allowPositionals: true,
      allowNegative: true,
    });
  } catch (error) {
    const [sentence = ''] = (error instanceof Error ? error.message : String(error)).split(/\. |\n/);
    throw new UsageError(sentence);
  }
}

function fillPath({ operation, positionals: names }: Command, given: readonly string[]): string {
  if (given.length > names.length) throw new UsageError(`${given[names.length]} is one argument too many`);
  return names.reduce((path, name, index) => {
    const value = given[index];
    if (value === undefined || value === '') throw new UsageError(`<${kebabCase(name)}> is missing`);
    return path.replace(`{${name}}`, encodeURIComponent(value));
  }, operation.path);
}

function readBody(
  document: ApiDocument,
  command: Command,
  values: Values,
  readInput: ReadInput,
  mistakes: string[],
): unknown {
  const schema = bodySchema(command.operation);
  if (schema === undefined) return undefined;
  const base = typeof values['body'] === 'string' ? readJson('--body', values['body'], readInput) : {};
  const fields = readFields(command, values, readInput, mistakes);
  const body: unknown =
    typeof base === 'object' && base !== null && !Array.isArray(base) ? { ...base, ...fields } : base;
  const checked = validatorOf(document, schema).safeParse(body, { reportInput: true });
  if (!checked.success && mistakes.length === 0)
    mistakes.push(...checked.error.issues.flatMap((issue) => describeIssue(command, issue)));
  return body;
}

function readFields(
  { flags }: Command,
  values: Values,
  readInput: ReadInput,
  mistakes: string[],
): Record<string, unknown> {
  const fields: Record<string, unknown> = {};
  for (const flag of flags) {
    const value = values[flag.name];
    if (flag.in !== 'body' || value === undefined) continue;
    try {
      fields[flag.field] = Array.isArray(value)
        ? value.map((item) => convert(flag, flag.itemKind, String(item), readInput))
        : typeof value === 'boolean'
          ? value
          : convert(flag, flag.kind, value, readInput);
    } catch (error) {
      mistakes.push(error instanceof Error ? error.message : String(error));
    }
  }
  return fields;
}

function convert({ name }: Flag, kind: FlagKind, text: string, readInput: ReadInput): unknown {
  if (kind === 'json') return readJson(`--${name}`, text, readInput);
  if (kind !== 'integer' && kind !== 'number') return text;
  const number = text.trim() === '' ? Number.NaN : Number(text);
  if (Number.isNaN(number)) throw new UsageError(`--${name}: ${text} is no number`);
  return number;
}

function readJson(flag: string, text: string, readInput: ReadInput): unknown {
  const isSource = text === '-' || text.startsWith('@');
  try {
    return JSON.parse(isSource ? readInput(text.replace(/^@/, '')) : text);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new UsageError(`${flag}: ${isSource ? text : 'the value'} is no JSON`);
  }
}

/** Says what is wrong by the flag that would set it right. */
function describeIssue({ flags }: Pick<Command, 'flags'>, issue: z.core.$ZodIssue): string[] {
  if (issue.code === 'invalid_union') {
    const closest = issue.errors.toSorted((a, b) => a.length - b.length)[0] ?? [];
    if (closest.length > 0)
      return closest.flatMap((inner) =>
        describeIssue({ flags }, { ...inner, path: [...issue.path, ...inner.path] }),
      );
  }
  if (issue.code === 'unrecognized_keys')
    return issue.keys.map((key) => `--body: ${[...issue.path, key].join('.')} is no field of this request`);
  const [field, ...rest] = issue.path.map(String);
  const flag = flags.find((candidate) => candidate.in === 'body' && candidate.field === field);
  const name = flag === undefined ? '--body' : `--${flag.name}`;
  const isMissing = issue.code === 'invalid_type' || issue.code === 'invalid_value';
  if (isMissing && rest.length === 0 && issue.input === undefined && flag?.required)
    return [`${name} is required`];
  return [`${[name, ...rest].join('.')}: ${issue.message}`];
}
