import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { type BuildAppOptions, buildApp } from 'fauxqs';
import * as z from 'zod';

export interface Fauxqs {
  /** Base URL of SQS and S3. */
  readonly endpoint: string;
  stop(): Promise<void>;
}

export type Stores = NonNullable<BuildAppOptions['stores']>;

/** What we use of fauxqs' persistence: it has no types of its own. */
interface Persistence {
  readonly db: { exec(sql: string): void };
  loadSqsAndSns(sqs: Stores['sqsStore'], sns: Stores['snsStore']): void;
  close(): void;
}

interface S3Files {
  loadS3(store: Stores['s3Store']): void;
  close(): void;
}

const constructor = <T>() => z.custom<T>((value) => typeof value === 'function', 'must be a class');

const PartsSchema = z.object({
  SqsStore: constructor<new () => Stores['sqsStore']>(),
  SnsStore: constructor<new () => Stores['snsStore']>(),
  S3Store: constructor<new () => Stores['s3Store']>(),
  PersistenceManager: constructor<new (directory: string) => Persistence>(),
  FileS3Persistence: constructor<new (directory: string) => S3Files>(),
});

/**
 * Starts SQS and S3 on 127.0.0.1, with queues in SQLite and objects as files below `directory`.
 *
 * `startFauxqs` would do the same on all interfaces, which is no place for a queue without authentication, so its
 * parts are put together here.
 */
export async function startFauxqs(directory: string, region: string): Promise<Fauxqs> {
  const parts = PartsSchema.parse(await importParts());
  mkdirSync(directory, { recursive: true });
  const queues = new parts.PersistenceManager(directory);
  const objects = new parts.FileS3Persistence(path.join(directory, 's3'));
  const stores = {
    sqsStore: new parts.SqsStore(),
    snsStore: new parts.SnsStore(),
    s3Store: new parts.S3Store(),
  };
  // Loading comes before the stores know their persistence: loading through it would delete what it loads.
  queues.loadSqsAndSns(stores.sqsStore, stores.snsStore);
  objects.loadS3(stores.s3Store);
  Object.assign(stores.sqsStore, { persistence: queues });
  Object.assign(stores.s3Store, { persistence: objects });
  for (const queue of stores.sqsStore.allQueues()) Object.assign(queue, { persistence: queues });
  // In WAL mode this survives the death of the process, and waits for no disk.
  queues.db.exec('PRAGMA synchronous = NORMAL');

  const app = buildApp({ logger: false, host: '', defaultRegion: region, stores });
  app.addHook('preClose', (done) => {
    queues.close();
    objects.close();
    done();
  });
  const endpoint = await app.listen({ port: 0, host: '127.0.0.1' });
  return { endpoint, stop: () => app.close() };
}

async function importParts(): Promise<unknown> {
  const entry = import.meta.resolve('fauxqs');
  const modules: unknown[] = await Promise.all(
    ['sqs/sqsStore.js', 'sns/snsStore.js', 's3/s3Store.js', 's3/fileS3Persistence.js', 'persistence.js'].map(
      (file): Promise<unknown> => import(new URL(file, entry).href),
    ),
  );
  return Object.assign({}, ...modules);
}
