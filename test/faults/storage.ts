import { paginateScan, type DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import * as z from 'zod';
import { parseDeliveryItem } from '../../functions/shared/delivery-item.ts';
import type { DeliveryRecord } from '../../schemas/delivery.ts';
import { parseLogEntry, parseLogPage } from '../../functions/shared/partner-log-page.ts';
import { tagsIn } from './call.ts';

const EventSchema = z.looseObject({
  id: z.string(),
  type: z.string(),
  partnerIds: z.array(z.string()),
  receivedAt: z.string(),
});
const EntitySchema = z.looseObject({ pk: z.string(), sk: z.string() });

export type StoredEvent = z.infer<typeof EventSchema>;
export type StoredEntity = z.infer<typeof EntitySchema>;

/** What the tables hold of one case. */
export interface CaseState {
  readonly events: StoredEvent[];
  readonly deliveries: DeliveryRecord[];
  readonly entities: StoredEntity[];
  readonly quarantined: StoredEntity[];
  /** Ids of events in the log of the case's partner, in its order. */
  readonly logged: string[];
}

export const emptyState = (): CaseState => ({
  events: [],
  deliveries: [],
  entities: [],
  quarantined: [],
  logged: [],
});

export async function readStorage(
  documents: DynamoDBDocumentClient,
  tables: Readonly<Record<string, string>>,
): Promise<Map<string, CaseState>> {
  const states = new Map<string, CaseState>();
  const of = (item: unknown): CaseState[] =>
    tagsIn(JSON.stringify(item)).map((tag) => {
      const state = states.get(tag) ?? emptyState();
      states.set(tag, state);
      return state;
    });
  for (const item of await scan(documents, tables['EventsTable'])) {
    const event = EventSchema.safeParse(item);
    if (event.success) for (const state of of(item)) state.events.push(event.data);
  }
  for (const item of await scan(documents, tables['DeliveriesTable'])) {
    const partition = String(item['pk']);
    if (partition.startsWith('log#'))
      for (const state of of(partition))
        state.logged.push(...parseLogPage(item).entries.map((entry) => parseLogEntry(entry).eventId));
    // Lanes are kept beside the records too.
    if ('attempts' in item) for (const state of of(item)) state.deliveries.push(parseDeliveryItem(item));
  }
  for (const item of await scan(documents, tables['EntitiesTable'])) {
    const entity = EntitySchema.parse(item);
    const isQuarantined = entity['kind'] === 'quarantine';
    // What was quarantined is kept as it came, in base64.
    const content = isQuarantined ? Buffer.from(String(entity['raw']), 'base64').toString() : '';
    for (const state of of([item, content])) state[isQuarantined ? 'quarantined' : 'entities'].push(entity);
  }
  return states;
}

async function scan(
  client: DynamoDBDocumentClient,
  TableName: string | undefined,
): Promise<Record<string, unknown>[]> {
  const items: Record<string, unknown>[] = [];
  for await (const page of paginateScan({ client }, { TableName, ConsistentRead: true }))
    items.push(...(page.Items ?? []));
  return items;
}
