import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { text } from 'node:stream/consumers';
import { describe, expect, it, onTestFinished } from 'vitest';
import { ensureTable, TableSchema } from '../../../local/engines/dynamodb.ts';
import { startDynoxide } from '../../../local/engines/dynoxide.ts';
import { aws } from '../../../local/engines/engines.ts';
import { waitFor } from '../../helpers/stack-process.ts';

const answers = (endpoint: string) =>
  fetch(endpoint).then(
    () => true,
    () => false,
  );

const tableOf = (...keys: string[]) =>
  TableSchema.parse({
    AttributeDefinitions: keys.map((AttributeName) => ({ AttributeName, AttributeType: 'S' })),
    KeySchema: keys.map((AttributeName, index) => ({
      AttributeName,
      KeyType: index === 0 ? 'HASH' : 'RANGE',
    })),
    BillingMode: 'PAY_PER_REQUEST',
    TimeToLiveSpecification: { AttributeName: 'expiresAt', Enabled: true },
  });

describe('the embedded DynamoDB', () => {
  it('is gone when it was stopped', async () => {
    const engine = await startDynoxide();
    expect(await answers(engine.endpoint)).toBe(true);
    await engine.stop();
    expect(await answers(engine.endpoint)).toBe(false);
  });

  it('ends with the process that started it, even by SIGKILL', async () => {
    const module = path.resolve('local/engines/dynoxide.ts');
    const source = `const { startDynoxide } = await import(${JSON.stringify(module)});
      process.stdout.write((await startDynoxide()).endpoint + '\\n');
      process.kill(process.pid, 'SIGKILL');`;
    const parent = spawn(process.execPath, ['--input-type=module', '-e', source], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const exited = once(parent, 'exit');
    const endpoint = (await text(parent.stdout)).trim();
    expect(await exited).toEqual([null, 'SIGKILL']);
    expect(endpoint).toMatch(/^http:/);
    await waitFor(async () => ((await answers(endpoint)) ? undefined : true), {
      timeoutMs: 5000,
      describe: () => 'the end of the engine',
    });
  });

  it('keeps the tables of a data folder, and refuses one whose keys are not those of the template', async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'towercast-dynoxide-'));
    const engine = await startDynoxide(path.join(folder, 'tables.db'));
    const client = new DynamoDBClient({ ...aws, endpoint: engine.endpoint });
    onTestFinished(async () => {
      client.destroy();
      await engine.stop();
      await rm(folder, { recursive: true });
    });
    await ensureTable(client, 'things', tableOf('pk', 'sk'));
    await ensureTable(client, 'things', tableOf('pk', 'sk'));
    await expect(ensureTable(client, 'things', tableOf('pk'))).rejects.toThrow(/--fresh/);
  });

  it('finds the number of the next stream record, and those after one, without a look at all of them', async () => {
    const binary = createRequire(import.meta.url)
      .resolve(`@dynoxide/${process.platform}-${process.arch}/package.json`)
      .replace('package.json', 'dynoxide');
    // As the engine asks, so that another version that asks otherwise is seen here.
    const asked = (await readFile(binary, 'latin1')).replaceAll(/\s+/g, ' ');
    const queries = [
      'SELECT COALESCE(MAX(CAST(sequence_number AS INTEGER)), 0) + 1 FROM _stream_records WHERE table_name = ?1',
      'FROM _stream_records WHERE table_name = ?1 AND shard_id = ?2 AND CAST(sequence_number AS INTEGER) > ?3 ORDER BY CAST(sequence_number AS INTEGER) ASC LIMIT ?4',
    ];
    for (const query of queries) expect(asked).toContain(query);

    const folder = await mkdtemp(path.join(tmpdir(), 'towercast-dynoxide-'));
    onTestFinished(() => rm(folder, { recursive: true }));
    const file = path.join(folder, 'tables.db');
    const engine = await startDynoxide(file);
    await engine.stop();
    using database = new DatabaseSync(file, { readOnly: true });
    const plans = queries.map((query) => {
      const whole = query.startsWith('SELECT') ? query : `SELECT new_image ${query}`;
      return database
        .prepare(`EXPLAIN QUERY PLAN ${whole}`)
        .all()
        .map(({ detail }) => detail);
    });
    expect(plans).toEqual([
      [expect.stringContaining('towercast_next_number')],
      [expect.stringContaining('towercast_next_records')],
    ]);
  });
});
