import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stackName } from '../../local/synthesize.ts';
import { TemplateSchema } from '../../local/template.ts';
import { nameOf, statementsOf } from '../helpers/permissions.ts';

/** What AWS does in a function's name: no call of its own. */
const ofAws =
  /: (sqs:(ReceiveMessage|DeleteMessage|GetQueueAttributes)|s3:\w+|dynamodb:(DescribeStream|GetRecords|GetShardIterator|ListStreams))$|^IngestDlq: /;

/** What the template permits functions, one action on one resource each, as Call has it. */
export async function permissionsIn(
  dataDir: string,
  functions: readonly string[],
): Promise<ReadonlyMap<string, readonly string[]>> {
  const file = join(dataDir, 'assembly', `${stackName}.template.json`);
  const { Resources } = TemplateSchema.parse(JSON.parse(await readFile(file, 'utf8')));
  return new Map(
    functions.map((name) => [
      name,
      statementsOf(Resources, name)
        .flatMap(({ Action, Resource }) =>
          Resource.flatMap((resource) => Action.map((action) => `${shortName(nameOf(resource))}: ${action}`)),
        )
        .filter((permission) => !ofAws.test(permission)),
    ]),
  );
}

/** Of a topic its channel: `commands`. */
const shortName = (resource: string): string => /topic\/towers\/\*\/(\w+)$/.exec(resource)?.[1] ?? resource;
