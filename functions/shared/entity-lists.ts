import * as z from 'zod';
import type { Entity } from '../../schemas/entity.ts';
import { QueryCommand, type QueryCommandInput } from './aws/documents.ts';
import { parseEntity } from './entity-item.ts';
import { readKeys, type EntityStoreOptions } from './entity-store.ts';
import { entityKey, type ItemKey } from './keys.ts';
import { cutPage, type Page, type PageRequest } from './page.ts';

type OfKind<K extends Entity['kind']> = Extract<Entity, { kind: K }>;

export interface EntityLists {
  /**
   * What the index `byPartner` lists under `{kind}#{under}`, in the order of its sort key. `under` is a partner's id, or
   * whatever else entity-item.ts lists that kind by; partners and towers are listed under `everyone`. The index lags by
   * moments.
   */
  listByPartner<K extends Entity['kind']>(
    kind: K,
    under: string,
    page: PageRequest,
  ): Promise<Page<OfKind<K>>>;
  /** The entities of one kind that share a partition (a tower's lockers, say), by sort key, read consistently. */
  listInPartition<K extends Entity['kind']>(kind: K, pk: string, page: PageRequest): Promise<Page<OfKind<K>>>;
  /** The last entity of a kind in a partition whose sort key begins with that of `prefix`, read consistently. */
  lastInPartition<K extends Entity['kind']>(kind: K, prefix: ItemKey): Promise<OfKind<K> | null>;
}

const ListedKeySchema = z.object({ pk: z.string(), sk: z.string(), listSk: z.string() });

export function createEntityLists(options: EntityStoreOptions): EntityLists {
  const query = async (input: Omit<QueryCommandInput, 'TableName'>) => {
    const page = await options.documents.send(
      new QueryCommand({ TableName: options.entitiesTable, ...input }),
    );
    return { rows: page.Items ?? [], isCut: page.LastEvaluatedKey !== undefined };
  };

  return {
    async listByPartner(kind, under, { limit, after }) {
      const { rows, isCut } = await query({
        IndexName: 'byPartner',
        KeyConditionExpression: `listPk = :list${after === null ? '' : ' AND listSk > :after'}`,
        ExpressionAttributeValues: {
          ':list': `${kind}#${under}`,
          ...(after !== null && { ':after': after }),
        },
        Limit: limit + 1,
      });
      const keys = rows.map((row) => ListedKeySchema.parse(row));
      const page = cutPage({ rows: keys, isCut }, limit, ({ listSk }) => listSk);
      const entities = new Map(
        (await readKeys(options, page.items)).map((entity) => [nameOf(entityKey(entity)), entity]),
      );
      const inOrder = page.items.flatMap((key) => entities.get(nameOf(key)) ?? []);
      return { items: inOrder.filter(isKind(kind)), next: page.next };
    },

    async listInPartition(kind, pk, { limit, after }) {
      const first = `${kind}#`;
      const last = `${first}\uffff`;
      // Not between the bounds: DynamoDB, which compares bytes, would refuse the query.
      const isWithin =
        after === null ||
        (after.startsWith(first) && Buffer.compare(Buffer.from(after), Buffer.from(last)) <= 0);
      if (!isWithin) return { items: [], next: null };
      const { rows, isCut } = await query({
        KeyConditionExpression: 'pk = :pk AND sk BETWEEN :from AND :to',
        ExpressionAttributeValues: { ':pk': pk, ':from': after ?? first, ':to': last },
        // BETWEEN includes the row that the page before ended with.
        Limit: limit + 2,
        ConsistentRead: true,
      });
      const entities = rows.map(parseEntity).filter((entity) => entityKey(entity).sk !== after);
      const page = cutPage({ rows: entities, isCut }, limit, (entity) => entityKey(entity).sk);
      return { items: page.items.filter(isKind(kind)), next: page.next };
    },

    async lastInPartition(kind, { pk, sk }) {
      const { rows } = await query({
        KeyConditionExpression: 'pk = :pk AND begins_with(sk, :prefix)',
        ExpressionAttributeValues: { ':pk': pk, ':prefix': sk },
        ScanIndexForward: false,
        Limit: 1,
        ConsistentRead: true,
      });
      return rows.map(parseEntity).find(isKind(kind)) ?? null;
    },
  };
}

const nameOf = ({ pk, sk }: ItemKey): string => `${pk}|${sk}`;

const isKind =
  <K extends Entity['kind']>(kind: K) =>
  (entity: Entity): entity is OfKind<K> =>
    entity.kind === kind;
