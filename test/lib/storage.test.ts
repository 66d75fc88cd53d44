import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { synthesize } from './synthesized.ts';

const dev = synthesize('dev');
const prod = synthesize('prod');
const tables = ['EntitiesTable', 'EventsTable', 'DeliveriesTable'];

const keys = (hash: string, range: string) => [
  { AttributeName: hash, KeyType: 'HASH' },
  { AttributeName: range, KeyType: 'RANGE' },
];
const keysOnly = (IndexName: string, hash: string, range: string) => ({
  IndexName,
  KeySchema: keys(hash, range),
  Projection: { ProjectionType: 'KEYS_ONLY' },
});

describe('tables', () => {
  it('there are these three and no other', () => {
    expect(dev.ofType('AWS::DynamoDB::Table').map(([id]) => id)).toEqual(tables);
  });

  it.each(tables)('%s is on demand, encrypted, recoverable to any second, and cleans up by TTL', (table) => {
    expect(dev.get(table).Properties).toMatchObject({
      BillingMode: 'PAY_PER_REQUEST',
      KeySchema: keys('pk', 'sk'),
      PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
      SSESpecification: { SSEEnabled: true },
      TimeToLiveSpecification: { AttributeName: 'expiresAt', Enabled: true },
    });
  });

  it('indexes carry keys only, and the events table has none', () => {
    expect(tables.map((table) => dev.get(table).Properties['GlobalSecondaryIndexes'])).toEqual([
      [keysOnly('byPartner', 'listPk', 'listSk'), keysOnly('due', 'duePk', 'dueAt')],
      undefined,
      [keysOnly('due', 'duePk', 'dueAt')],
    ]);
  });

  it('only the events table streams, new images', () => {
    expect(tables.map((table) => dev.get(table).Properties['StreamSpecification'])).toEqual([
      undefined,
      { StreamViewType: 'NEW_IMAGE' },
      undefined,
    ]);
  });
});

const policies = (stack: typeof dev, id: string) => [
  stack.get(id).DeletionPolicy,
  stack.get(id).UpdateReplacePolicy,
];

describe('what outlives the stack', () => {
  const stateful = [
    ...tables,
    'SecretsKey',
    'DeliveryQueue',
    'DeliveryDlq',
    'IngestDlq',
    'RuleErrorQueue',
    'FanOutFailuresBucket',
  ];

  it.each(stateful)('%s stays in production and goes with any other stack', (id) => {
    expect(policies(prod, id)).toEqual(['Retain', 'Retain']);
    expect(policies(dev, id)).toEqual(['Delete', 'Delete']);
  });

  it.each(tables)('%s is protected against deletion in production only', (id) => {
    expect(prod.get(id).Properties).toMatchObject({ DeletionProtectionEnabled: true });
    expect(dev.get(id).Properties).toMatchObject({ DeletionProtectionEnabled: false });
  });

  it('a production stack can not be deleted by mistake', () => {
    const ManifestSchema = z.object({
      artifacts: z.record(
        z.string(),
        z.object({ properties: z.object({ terminationProtection: z.boolean().optional() }).optional() }),
      ),
    });
    const protectedIn = ({ outdir }: typeof dev, stack: string) =>
      ManifestSchema.parse(JSON.parse(readFileSync(path.join(outdir, 'manifest.json'), 'utf8'))).artifacts[
        stack
      ]?.properties?.terminationProtection;
    expect(protectedIn(prod, 'Towercast-prod')).toBe(true);
    expect(protectedIn(dev, 'Towercast-dev')).toBe(false);
  });

  it('logs stay in production and go with any other stack', () => {
    const policiesOf = (stack: typeof dev) =>
      new Set(stack.ofType('AWS::Logs::LogGroup').map(([, group]) => group.DeletionPolicy));
    expect(policiesOf(prod)).toEqual(new Set(['Retain']));
    expect(policiesOf(dev)).toEqual(new Set(['Delete']));
  });

  it('outside production the failures bucket empties itself in a day', () => {
    expect(dev.get('FanOutFailuresBucket').Properties['LifecycleConfiguration']).toEqual({
      Rules: [{ ExpirationInDays: 1, Status: 'Enabled' }],
    });
    expect(prod.get('FanOutFailuresBucket').Properties['LifecycleConfiguration']).toEqual({
      Rules: [{ ExpirationInDays: 90, Status: 'Enabled' }],
    });
  });
});

describe('the key of secrets', () => {
  it('rotates', () => {
    expect(dev.get('SecretsKey').Properties).toMatchObject({ EnableKeyRotation: true });
  });
});
