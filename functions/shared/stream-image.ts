import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { unmarshall } from '@aws-sdk/util-dynamodb';
import * as z from 'zod';

/** `unmarshall` checks what is inside: it throws for an attribute of no known type. */
const ImageSchema = z.record(
  z.string(),
  z.custom<AttributeValue>((value) => typeof value === 'object' && value !== null),
);

/** The item in a DynamoDB stream record's image, as plain values. Throws when it is none. */
export const readStreamImage = (image: unknown): Record<string, unknown> =>
  unmarshall(ImageSchema.parse(image));
