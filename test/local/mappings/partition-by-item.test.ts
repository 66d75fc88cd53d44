import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { partitionByItem } from '../../../local/mappings/partition-by-item.ts';
import { streamRecord } from '../../../local/mappings/stream-record.ts';

const recordOf = (sk: string, sequence: number) =>
  streamRecord(
    {
      eventID: String(sequence),
      eventName: 'INSERT',
      eventVersion: '1.1',
      dynamodb: {
        ApproximateCreationDateTime: new Date(0),
        Keys: { pk: { S: '0000000000000001-9' }, sk: { S: sk } },
        SequenceNumber: String(sequence),
        SizeBytes: 1,
        StreamViewType: 'NEW_IMAGE',
      },
    },
    'arn:aws:dynamodb:us-east-1:000000000000:table/events/stream/latest',
  );
const numberOf = (record: ReturnType<typeof recordOf>) => Number(record.dynamodb.SequenceNumber);

describe('records shared out among batches that run at the same time', () => {
  it('stay together and in order within an item', () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom('a', 'b', 'c', 'd'), { maxLength: 30 }),
        fc.integer({ min: 1, max: 10 }),
        (items, factor) => {
          const records = items.map((sk, index) => recordOf(sk, index));
          const parts = partitionByItem(records, factor);
          expect(parts.length).toBeLessThanOrEqual(factor);
          expect(parts.flat().toSorted((a, b) => numberOf(a) - numberOf(b))).toEqual(records);
          for (const part of parts) {
            const numbers = part.map(numberOf);
            expect(numbers).toEqual(numbers.toSorted((a, b) => a - b));
            const itemsHere = new Set(part.map(({ dynamodb }) => JSON.stringify(dynamodb.Keys)));
            const ofThem = records.filter(({ dynamodb }) => itemsHere.has(JSON.stringify(dynamodb.Keys)));
            expect(ofThem).toHaveLength(part.length);
          }
        },
      ),
    );
  });

  it('are all in one batch where there is but one, and in several though they share a partition key', () => {
    const records = Array.from({ length: 30 }, (_, index) => recordOf(`event-${index}`, index));
    expect(partitionByItem(records, 1)).toEqual([records]);
    expect(partitionByItem(records, 4)).toHaveLength(4);
  });
});
