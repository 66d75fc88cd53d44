import * as z from 'zod';
import { ItemSchema } from '../../functions/shared/aws/attribute-values.ts';
import { parseDeliveryItem } from '../../functions/shared/delivery-item.ts';
import { parseLogEntry, parseLogPage } from '../../functions/shared/partner-log-page.ts';
import type { DeliveryRecord } from '../../schemas/delivery.ts';
import { tagsIn } from './call.ts';

const EventSchema = z.looseObject({
  pk: z.string(),
  sk: z.string(),
  id: z.string(),
  type: z.string(),
  partnerIds: z.array(z.string()),
  receivedAt: z.string(),
  data: z.record(z.string(), z.json()),
});
const EntitySchema = z.looseObject({ pk: z.string(), sk: z.string() });

export type StoredEvent = z.infer<typeof EventSchema>;
export type StoredEntity = z.infer<typeof EntitySchema>;

/** What the tables hold of one case, each in the order of its keys. */
export interface CaseState {
  readonly events: StoredEvent[];
  readonly deliveries: DeliveryRecord[];
  readonly entities: StoredEntity[];
  readonly quarantined: StoredEntity[];
  /** Ids of events in the log of the case's partner, in its order. */
  readonly logged: string[];
}

const emptyState = (): CaseState => ({
  events: [],
  deliveries: [],
  entities: [],
  quarantined: [],
  logged: [],
});

type Item = Readonly<Record<string, unknown>>;
const KeySchema = z.strictObject({ pk: z.string(), sk: z.string() });
type ItemKey = z.infer<typeof KeySchema>;
type Table = 'EventsTable' | 'DeliveriesTable' | 'EntitiesTable';
const tableIds: readonly Table[] = ['EventsTable', 'DeliveriesTable', 'EntitiesTable'];

interface StoredItem {
  readonly table: Table;
  /** As the service writes it. */
  readonly wire: string;
  readonly item: Item;
  readonly tags: readonly string[];
}

const WireItemSchema = z.looseObject({ pk: z.object({ S: z.string() }), sk: z.object({ S: z.string() }) });
const PageSchema = z.object({
  Items: z.array(z.unknown()),
  LastEvaluatedKey: z.record(z.string(), z.unknown()).optional(),
});

/**
 * What the tables hold, by case. Reads them whole each time, and takes apart what has changed: with a thousand cases, to
 * take all of it apart again and again, as a client of the SDK does, costs more of the machine than the cases.
 */
export class Storage {
  readonly #endpoint: string;
  readonly #tables: readonly (readonly [Table, string])[];
  /** By table and key. */
  #items: ReadonlyMap<string, StoredItem> = new Map();
  /** By tag, then by table and key. */
  readonly #byTag = new Map<string, Map<string, StoredItem>>();
  readonly #states = new Map<string, CaseState>();

  constructor(endpoint: string, tables: Readonly<Record<string, string>>) {
    this.#endpoint = endpoint;
    this.#tables = tableIds.map((table) => [table, tables[table] ?? ''] as const);
  }

  /** Reads all tables. */
  async read(): Promise<void> {
    const items = new Map<string, StoredItem>();
    for (const [table, name] of this.#tables)
      for await (const page of this.#pages(name))
        for (const one of page) {
          const { pk, sk } = WireItemSchema.parse(one);
          const key = `${table} ${pk.S} ${sk.S}`;
          const wire = JSON.stringify(one);
          const known = this.#items.get(key);
          items.set(key, known?.wire === wire ? known : this.#replace(key, known, { table, wire }));
        }
    for (const [key, gone] of this.#items) if (!items.has(key)) this.#forget(key, gone);
    this.#items = items;
  }

  /** As it was read last. */
  state(tag: string): CaseState {
    const known = this.#states.get(tag);
    if (known !== undefined) return known;
    const items = [...(this.#byTag.get(tag) ?? [])].sort(byKey).map(([, one]) => one);
    const state = stateOf(items);
    this.#states.set(tag, state);
    return state;
  }

  /** Keys of what only these cases have, by table. */
  keysOf(tags: ReadonlySet<string>): ReadonlyMap<Table, readonly ItemKey[]> {
    const own = [...this.#items.values()].filter((one) => isOnlyOf(one, tags));
    return new Map(
      [...Map.groupBy(own, ({ table }) => table)].map(([table, items]) => [
        table,
        items.map(({ item }) => KeySchema.parse({ pk: item['pk'], sk: item['sk'] })),
      ]),
    );
  }

  #replace(
    key: string,
    known: StoredItem | undefined,
    { table, wire }: Pick<StoredItem, 'table' | 'wire'>,
  ): StoredItem {
    if (known !== undefined) this.#forget(key, known);
    const item = ItemSchema.parse(JSON.parse(wire));
    const stored = { table, wire, item, tags: tagsIn(textOf(table, item)) };
    for (const tag of stored.tags) {
      const items = this.#byTag.get(tag) ?? new Map<string, StoredItem>();
      this.#byTag.set(tag, items.set(key, stored));
      this.#states.delete(tag);
    }
    return stored;
  }

  #forget(key: string, { tags }: StoredItem): void {
    for (const tag of tags) {
      this.#byTag.get(tag)?.delete(key);
      this.#states.delete(tag);
    }
  }

  async *#pages(TableName: string): AsyncGenerator<unknown[]> {
    for (let ExclusiveStartKey: unknown; ;) {
      const response = await fetch(this.#endpoint, {
        method: 'POST',
        headers: {
          'content-type': 'application/x-amz-json-1.0',
          'x-amz-target': 'DynamoDB_20120810.Scan',
          // The engine wants to see one, and doesn't check it.
          authorization:
            'AWS4-HMAC-SHA256 Credential=local/20260101/us-east-1/dynamodb/aws4_request, SignedHeaders=host;x-amz-date, Signature=0',
          'x-amz-date': '20260101T000000Z',
        },
        body: JSON.stringify({ TableName, ConsistentRead: true, ExclusiveStartKey }),
      });
      const text = await response.text();
      if (!response.ok) throw new Error(`${TableName} can't be read: ${response.status} ${text}`);
      const { Items, LastEvaluatedKey } = PageSchema.parse(JSON.parse(text));
      yield Items;
      if (LastEvaluatedKey === undefined) return;
      ExclusiveStartKey = LastEvaluatedKey;
    }
  }
}

const isOnlyOf = ({ tags }: StoredItem, some: ReadonlySet<string>): boolean =>
  tags.length > 0 && tags.every((tag) => some.has(tag));

const byKey = ([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number =>
  a < b ? -1 : Number(a > b);

const isLog = (item: Item): boolean => String(item['pk']).startsWith('log#');
const isQuarantined = (item: Item): boolean => item['kind'] === 'quarantine';

/** Where an item names its cases. A page of a partner's log may name others' events. */
function textOf(table: Table, item: Item): string {
  if (table === 'DeliveriesTable' && isLog(item)) return String(item['pk']);
  const text = JSON.stringify(item);
  // What was quarantined is kept as it came, in base64.
  return isQuarantined(item) ? text + Buffer.from(String(item['raw']), 'base64').toString() : text;
}

function stateOf(items: readonly Pick<StoredItem, 'table' | 'item'>[]): CaseState {
  const state = emptyState();
  for (const { table, item } of items)
    switch (table) {
      case 'EventsTable': {
        const event = EventSchema.safeParse(item);
        if (event.success) state.events.push(event.data);
        break;
      }
      case 'DeliveriesTable':
        if (isLog(item))
          state.logged.push(...parseLogPage(item).entries.map((entry) => parseLogEntry(entry).eventId));
        // Lanes are kept beside the records too.
        if ('attempts' in item) state.deliveries.push(parseDeliveryItem(item));
        break;
      case 'EntitiesTable':
        state[isQuarantined(item) ? 'quarantined' : 'entities'].push(EntitySchema.parse(item));
        break;
    }
  return state;
}
