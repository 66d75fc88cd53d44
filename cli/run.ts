import { readCall } from './arguments.ts';
import { FailedError, UsageError } from './cli-error.ts';
import { groupsOf, sameVerbs, type Command, type Group } from './commands.ts';
import { deliveryText } from './delivery-text.ts';
import type { ApiDocument } from './document.ts';
import type { GlobalValues } from './global-options.ts';
import { commandHelp, groupHelp, loginHelp, logoutHelp, overview, tailHelp, whoamiHelp } from './help.ts';
import { login, logout, readGlobals, whoami } from './login.ts';
import { asPage, plainJson, readable } from './output.ts';
import { complete, ProblemError, send } from './request.ts';
import { tailDeliveries } from './tail.ts';
import { findTarget } from './target.ts';
import type { World } from './world.ts';

/** 0: done. 1: refused or failed. 2: the command itself is wrong, and nothing was sent. */
export type ExitCode = 0 | 1 | 2;

/** The whole command line: everything it needs of the machine is in `world`. */
export async function run(document: ApiDocument, world: World): Promise<ExitCode> {
  try {
    await dispatch(document, world);
    return 0;
  } catch (error) {
    if (error instanceof UsageError) {
      world.note(`${error.message}\n(--help tells more)`);
      return 2;
    }
    if (!(error instanceof FailedError)) throw error;
    const asJson = error instanceof ProblemError && world.args.includes('--json');
    world.note(asJson ? plainJson(error.problem) : error.message);
    return 1;
  }
}

/** Help on what no operation stands behind. */
const ownHelp = { login: loginHelp, logout: logoutHelp, whoami: whoamiHelp } as const;

async function dispatch(document: ApiDocument, world: World): Promise<void> {
  const groups = groupsOf(document);
  const [first, second, ...rest] = world.args;
  const wantsHelp = world.args.some((argument) => argument === '--help' || argument === '-h');
  if (first === undefined || first.startsWith('-')) {
    if (first === undefined || wantsHelp) return world.out(overview(groups));
    throw new UsageError(`the group comes first: ${groups.map(({ name }) => name).join(', ')}`);
  }
  // `help endpoints create` is `endpoints create --help`.
  if (first === 'help') return dispatch(document, { ...world, args: [...world.args.slice(1), '--help'] });
  if (first === 'login' || first === 'logout' || first === 'whoami') {
    if (wantsHelp) return world.out(ownHelp[first]);
    return runOwn(world, first, readGlobals(world.args.slice(1)));
  }
  const group = find(groups, first, 'group');
  if (second === undefined || second.startsWith('-')) return world.out(groupHelp(group));
  if (group.name === 'deliveries' && second === 'tail')
    return wantsHelp ? world.out(tailHelp) : tailDeliveries(world, rest);
  const known = group.commands.some(({ name }) => name === second);
  const command = find(
    group.commands,
    known ? second : (sameVerbs[second] ?? second),
    `command of ${group.name}`,
  );
  if (wantsHelp) return world.out(commandHelp(command));
  await runCommand(document, world, command, rest);
}

async function runOwn(
  world: World,
  name: 'login' | 'logout' | 'whoami',
  values: GlobalValues,
): Promise<void> {
  if (name === 'login') await login(world, values);
  else if (name === 'whoami') await whoami(world, values);
  else logout(world);
}

function find<T extends Group | Command>(all: readonly T[], name: string, what: string): T {
  const found = all.find((one) => one.name === name);
  if (found !== undefined) return found;
  throw new UsageError(`${name} is no ${what}: there are ${all.map((one) => one.name).join(', ')}`);
}

async function runCommand(
  document: ApiDocument,
  world: World,
  command: Command,
  args: readonly string[],
): Promise<void> {
  const { call, globals } = readCall(document, command, args, readInput(world));
  const target = findTarget(world, globals);
  const completed = await complete(world, target, command, call);
  const { body } = await send(world, target, command.operation.method, completed);
  if (globals.json) return body === null ? undefined : world.out(plainJson(body));
  if (body === null) return world.note('Done.');
  const isDelivery = command.group === 'deliveries' && command.name === 'get';
  world.out((isDelivery ? deliveryText(body, world.columns) : null) ?? readable(body, world.columns));
  const cursor = asPage(body)?.nextCursor;
  if (cursor) world.note(`There is more: --cursor ${cursor}`);
}

const readInput =
  ({ read }: World) =>
  (source: string): string => {
    const text = read(source);
    if (text === null) throw new UsageError(`${source} does not exist`);
    return text;
  };
