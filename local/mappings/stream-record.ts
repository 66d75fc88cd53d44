import type { _Record } from '@aws-sdk/client-dynamodb-streams';
import * as z from 'zod';
import { region } from '../resource-types.ts';

/** Bytes travel to a function as base64. */
const AttributeSchema = z
  .looseObject({})
  .transform((attribute) =>
    z.json().parse(JSON.parse(JSON.stringify(attribute, (_, value: unknown) => asBase64(value)))),
  );
const ImageSchema = z.record(z.string(), AttributeSchema);

const RecordSchema = z.object({
  eventID: z.string(),
  eventName: z.string(),
  eventVersion: z.string(),
  dynamodb: z.object({
    ApproximateCreationDateTime: z.date(),
    Keys: ImageSchema,
    NewImage: ImageSchema.optional(),
    OldImage: ImageSchema.optional(),
    SequenceNumber: z.string(),
    SizeBytes: z.number(),
    StreamViewType: z.string(),
  }),
});

export type StreamRecord = ReturnType<typeof streamRecord>;

/** A record as Lambda hands it to a function. Source: Lambda, "Using Lambda with DynamoDB", example event. */
export function streamRecord(record: _Record, eventSourceARN: string) {
  const { eventID, eventName, eventVersion, dynamodb } = RecordSchema.parse(record);
  const { ApproximateCreationDateTime, NewImage, OldImage, ...rest } = dynamodb;
  return {
    eventID,
    eventName,
    eventVersion,
    eventSource: 'aws:dynamodb',
    awsRegion: region,
    dynamodb: {
      ...rest,
      ApproximateCreationDateTime: ApproximateCreationDateTime.getTime() / 1000,
      ...(NewImage ? { NewImage } : {}),
      ...(OldImage ? { OldImage } : {}),
    },
    eventSourceARN,
  };
}

function asBase64(value: unknown): unknown {
  return value instanceof Uint8Array ? Buffer.from(value).toString('base64') : value;
}
