import { operationsOf, type ApiDocument, type DocumentedOperation } from './document.ts';
import { bodyFlags, parameterFlags, type Flag } from './flags.ts';
import { kebabCase, singular } from './names.ts';

/** One thing that can be done: an operation of the document, under a name that is easy to type. */
export interface Command {
  /** `endpoints` */
  group: string;
  /** `create`, `rotate-secret` */
  name: string;
  operation: DocumentedOperation;
  /** Names of the path's parameters, in order: given without a flag. */
  positionals: string[];
  flags: Flag[];
}

export interface Group {
  name: string;
  description: string;
  commands: Command[];
}

/** Every operation that speaks JSON, by tag. Pages for browsers are no commands. */
export function groupsOf(document: ApiDocument): Group[] {
  const operations = operationsOf(document).filter(speaksJson);
  return document.tags.flatMap(({ name: tag, description, 'x-command': short }) => {
    const own = operations.filter(({ tags }) => tags[0] === tag);
    const group = short ?? kebabCase(tag);
    const commands = own.map((operation) => ({
      group,
      name: commandName(operation.operationId, tag),
      operation,
      positionals: operation.parameters
        .filter((parameter) => parameter.in === 'path')
        .map(({ name }) => name),
      flags: [...parameterFlags(document, operation), ...bodyFlags(document, operation)],
    }));
    return commands.length === 0 ? [] : [{ name: group, description, commands }];
  });
}

function speaksJson({ requestBody, responses }: DocumentedOperation): boolean {
  const answers = Object.entries(responses).filter(([status]) => /^[23]/.test(status));
  const contents = [requestBody?.content, ...answers.map(([, { content }]) => content)];
  return contents.every((content) => content === undefined || 'application/json' in content);
}

/** One word for one thing, whatever the operations, and those who type, call it. */
export const sameVerbs: Readonly<Record<string, string>> = {
  read: 'get',
  show: 'get',
  change: 'update',
  remove: 'delete',
};

/** `rotateEndpointKey` of `endpoints` is `rotate-key`: the verb, and what the group's name does not say already. */
function commandName(operationId: string, tag: string): string {
  const [first = '', ...words] = kebabCase(operationId).split('-');
  const known = new Set(kebabCase(tag).split('-').map(singular));
  return [sameVerbs[first] ?? first, ...words.filter((word) => !known.has(singular(word)))].join('-');
}
