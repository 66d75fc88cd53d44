import type { Command, Group } from './commands.ts';
import { bodySchema, type Flag } from './flags.ts';
import { globalHelp } from './global-options.ts';
import { kebabCase } from './names.ts';

const start = 'npm run towercast --';

/** Commands that no operation stands behind. */
export const ownCommands = [
  ['login', 'sign in with client credentials and stay so until the token expires'],
  ['logout', 'forget the stored token'],
  ['whoami', 'say which API would be called, and as whom'],
] as const;

const everywhere = `Everywhere: --api, --token, --as, --data, --json, --help: see ${start} --help`;

/** `towercast --help` */
export function overview(groups: readonly Group[]): string {
  const rows = [...groups.map(({ name, description }) => [name, description] as const), ...ownCommands];
  return `${start} GROUP COMMAND [arguments]

${columns(rows)}

${start} GROUP --help         what a group can do
${start} GROUP COMMAND --help its arguments, with an example

With "npm start" running in another terminal, this works at once:
  ${start} partners list

${globalHelp}`;
}

/** `towercast endpoints --help` */
export function groupHelp({ name, description, commands }: Group): string {
  const rows = commands.map((command) => [usageOf(command), command.operation.summary] as const);
  const tail =
    name === 'deliveries' ? [['tail [ENDPOINT-ID]', 'print deliveries as they happen'] as const] : [];
  return `${start} ${name} COMMAND [arguments]

${description}

${columns([...rows, ...tail])}

${commands.some((command) => command.name === 'get') ? '"show" is another word for "get".\n\n' : ''}For example:
  ${start} ${name} ${commands[0]?.name ?? ''} --help`;
}

/** `towercast endpoints create --help` */
export function commandHelp(command: Command): string {
  const { operation, group, flags } = command;
  const ordered = flags.toSorted((a, b) => Number(b.required) - Number(a.required));
  const rows = ordered.map((flag) => [flagUsage(flag), flagNote(flag)] as const);
  const body: readonly (readonly [string, string])[] =
    bodySchema(operation) === undefined
      ? []
      : [['--body JSON', 'the whole body: JSON, @file, or - for standard input']];
  const options = [...rows, ...body];
  return [
    `${start} ${group} ${usageOf(command)}${options.length > 0 ? ' [options]' : ''}`,
    [operation.summary, operation.description].filter((text) => text !== undefined).join('\n\n'),
    ...(options.length > 0 ? [`Options:\n${columns(options)}`] : []),
    `For example:\n  ${example(command)}`,
    everywhere,
  ].join('\n\n');
}

/** `tail` of deliveries, which no single operation stands behind. */
export const tailHelp = `${start} deliveries tail [ENDPOINT-ID] [options]

Prints each delivery when it is made and whenever its state changes, until Ctrl-C. Without an endpoint: those of all.

Options:
  --interval SECONDS  how often to look (default 2)
  --partner-id ID     operators: the endpoints of this partner

For example:
  ${start} deliveries tail acme-main

${everywhere}`;

export const loginHelp = `${start} login --api URL --token-url URL --client-id ID

Signs in with client credentials. The client's secret comes from TOWERCAST_CLIENT_SECRET and is not stored; the token is,
readable by you only, until it expires.

For example:
  TOWERCAST_CLIENT_SECRET=… ${start} login --api https://api.example.com \\
    --token-url https://issuer.example.com/token --client-id acme-backend`;

export const logoutHelp = `${start} logout

Forgets the token that "login" stored on this machine. It stays valid until it expires.`;

export const whoamiHelp = `${start} whoami [options]

Says which API would be called, and what said so. Gets a token, so that a mistake shows here, and sends the API nothing.

For example:
  ${start} whoami --as acme-backend --json

${everywhere}`;

const usageOf = ({ name, positionals }: Command): string =>
  [name, ...positionals.map((positional) => kebabCase(positional).toUpperCase())].join(' ');

const valueNames = {
  string: 'TEXT',
  integer: 'NUMBER',
  number: 'NUMBER',
  list: 'VALUE',
  json: 'JSON',
} as const;

function flagUsage({ name, kind, values }: Flag): string {
  if (kind === 'boolean') return `--[no-]${name}`;
  return `--${name} ${values.length > 0 && values.join('|').length <= 40 ? values.join('|') : valueNames[kind]}`;
}

function flagNote({ name, kind, required, description, values }: Flag): string {
  const automatic = { 'idempotency-key': 'default: a fresh one', 'if-match': 'default: what is there now' }[
    name
  ];
  return [
    required && automatic === undefined ? '(required)' : '',
    description,
    values.join('|').length > 40 ? `One of ${values.join(', ')}.` : '',
    kind === 'list' ? 'May be repeated.' : '',
    automatic === undefined ? '' : `(${automatic})`,
  ]
    .filter((part) => part !== '')
    .join(' ');
}

/** The document's own example, as somebody would type it. */
function example({ group, name, operation, flags, positionals }: Command): string {
  const sampleOf = (parameter: string) =>
    operation.parameters.find((other) => other.name === parameter)?.example;
  const media = operation.requestBody?.content['application/json']?.example;
  const fields: Record<string, unknown> = typeof media === 'object' && media !== null ? { ...media } : {};
  const given = flags.flatMap((flag) => {
    const value = flag.in === 'body' ? fields[flag.field] : undefined;
    return value === undefined || value === null ? [] : typed(flag, value);
  });
  const words = positionals.map((positional) =>
    quote(asText(sampleOf(positional) ?? kebabCase(positional).toUpperCase())),
  );
  return [start, group, name, ...words, ...given].join(' ');
}

function typed({ name, kind }: Flag, value: unknown): string[] {
  if (kind === 'boolean') return [value === false ? `--no-${name}` : `--${name}`];
  const values = kind === 'list' && Array.isArray(value) ? value : [value];
  return values.flatMap((item: unknown) => [`--${name}`, quote(asText(item))]);
}

const asText = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value));

/** For a POSIX shell. */
const quote = (text: string): string =>
  /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;

function columns(rows: readonly (readonly [string, string])[]): string {
  const width = Math.min(34, Math.max(...rows.map(([left]) => left.length)));
  return rows
    .map(([left, right]) =>
      left.length > width
        ? `  ${left}\n  ${' '.repeat(width)}  ${right}`
        : `  ${left.padEnd(width)}  ${right}`,
    )
    .map((line) => line.trimEnd())
    .join('\n');
}
