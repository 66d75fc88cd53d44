import type { DynamoDBRecord } from 'aws-lambda';

/** A record's turn among those of its subject in a batch: their order counts where an endpoint asks for order. */
export interface Turn {
  /** Resolves when all earlier records of the subject are done: true if none of them failed. */
  readonly isClear: Promise<boolean>;
  /** To be called once. */
  end(outcome: 'sent' | 'failed'): void;
}

/** Turns in the order of the batch, which is that of the stream. */
export function takeTurns(records: readonly DynamoDBRecord[]): ReadonlyMap<DynamoDBRecord, Turn> {
  const last = new Map<string, Promise<boolean>>();
  return new Map(
    records.map((record) => {
      const subject = record.dynamodb?.Keys?.['pk']?.S ?? '';
      const isClear = last.get(subject) ?? Promise.resolve(true);
      const own = Promise.withResolvers<boolean>();
      last.set(
        subject,
        Promise.all([isClear, own.promise]).then((all) => all.every(Boolean)),
      );
      return [record, { isClear, end: (outcome) => own.resolve(outcome === 'sent') } satisfies Turn];
    }),
  );
}
