import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { convertToAttr, marshall, unmarshall, type NativeAttributeValue } from '@aws-sdk/util-dynamodb';
import * as z from 'zod';

/** An item or a key as plain values. */
export type Item = Record<string, NativeAttributeValue>;
/** The same in DynamoDB's form, binary as bytes. */
export type AttributeMap = Record<string, AttributeValue>;

const marshallOptions = { removeUndefinedValues: true } as const;

/** Bytes that are base64 in JSON. */
class WireBytes extends Uint8Array {
  toJSON(): string {
    return Buffer.from(this.buffer, this.byteOffset, this.byteLength).toString('base64');
  }
}

/** For JSON.stringify. */
export const toWireItem = (item: Item): AttributeMap =>
  withBytes(marshall(item, marshallOptions), toWireBytes);
export const toWireValue = (value: NativeAttributeValue): AttributeValue =>
  valueWithBytes(convertToAttr(value, { ...marshallOptions, convertTopLevelContainer: true }), toWireBytes);

/** It is `unmarshall` that looks inside: it throws for an attribute of no known type. */
export const AttributeMapSchema = z
  .custom<AttributeMap>((value) => typeof value === 'object' && value !== null && !Array.isArray(value))
  .transform((attributes) => withBytes(attributes, fromWireBytes));

export const ItemSchema = AttributeMapSchema.transform((attributes): Item => unmarshall(attributes));

const toWireBytes = (bytes: unknown): Uint8Array =>
  new WireBytes(bytes instanceof Uint8Array ? bytes : Buffer.from(BytesSchema.parse(bytes)));
const fromWireBytes = (text: unknown): Uint8Array =>
  new Uint8Array(Buffer.from(z.string().parse(text), 'base64'));

/** What else util-dynamodb takes for binary. */
const BytesSchema = z.union([
  z.instanceof(ArrayBuffer).transform((buffer) => new Uint8Array(buffer)),
  z
    .custom<ArrayBufferView>((value) => ArrayBuffer.isView(value))
    .transform((view) => new Uint8Array(view.buffer, view.byteOffset, view.byteLength)),
]);

type Conversion = (bytes: unknown) => Uint8Array;

/** In place: the attributes are fresh ones in either direction. */
function withBytes(attributes: AttributeMap, convert: Conversion): AttributeMap {
  for (const name in attributes) {
    const value = attributes[name];
    if (value !== undefined) valueWithBytes(value, convert);
  }
  return attributes;
}

function valueWithBytes(value: AttributeValue, convert: Conversion): AttributeValue {
  if (value.M !== undefined) withBytes(value.M, convert);
  else if (value.L !== undefined) for (const one of value.L) valueWithBytes(one, convert);
  else if (value.B !== undefined) value.B = convert(value.B);
  else if (value.BS !== undefined) value.BS = value.BS.map(convert);
  return value;
}
