import * as z from 'zod';
import { CommandSchema, type Command } from '../../../schemas/entity.ts';
import { NameSchema } from '../../../schemas/primitives.ts';
import { ownerFor, visibleTo } from '../caller.ts';
import { defineOperation, nothing, type Operation } from '../operation.ts';
import { pageOf, pageQuery, toPageBody, toPageRequest } from '../pagination.ts';

const tag = 'Commands';

/** `outcome` is null until there is one, and then never changes. */
const CommandViewSchema = CommandSchema.omit({ kind: true, version: true, dueAt: true }).extend({
  type: z.literal('open'),
});

const show = (command: Command): z.infer<typeof CommandViewSchema> => ({ ...command, type: 'open' });

const list = defineOperation({
  operationId: 'listCommands',
  method: 'GET',
  path: '/v1/commands',
  tag,
  summary: 'List commands that were sent to towers',
  access: 'any',
  params: nothing,
  query: z.strictObject({ ...pageQuery, partnerId: NameSchema.optional() }),
  body: null,
  response: { status: 200, schema: pageOf(CommandViewSchema), description: 'A page of commands.' },
  async handle(services, { query, caller }) {
    const partnerId = ownerFor(caller, query.partnerId, '/query/partnerId');
    const name = `command#${partnerId}`;
    const page = await services.entities.listByPartner('command', partnerId, toPageRequest(query, name));
    return { body: toPageBody(page, name, show) };
  },
});

const read = defineOperation({
  operationId: 'getCommand',
  method: 'GET',
  path: '/v1/commands/{commandId}',
  tag,
  summary: 'Read a command and its outcome',
  description:
    'Each command gets exactly one outcome: `opened` or `refused` from the tower; without its answer `expired` when ' +
    'the tower was not heard of since, `unknown` when it was.',
  access: 'any',
  params: z.strictObject({ commandId: NameSchema }),
  query: nothing,
  body: null,
  response: { status: 200, schema: CommandViewSchema, description: 'The command.' },
  async handle(services, { params: { commandId }, caller }) {
    const ref = { kind: 'command', commandId } as const;
    const command = visibleTo(caller, (await services.entities.getMany([ref])).get(ref), 'command');
    return { body: show(command), version: command.version };
  },
});

export const commandOperations: Operation[] = [list, read];
