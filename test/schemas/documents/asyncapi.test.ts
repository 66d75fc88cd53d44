import { readFileSync } from 'node:fs';
import path from 'node:path';
import { Parser } from '@asyncapi/parser';
import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { messageSamples } from '../../../schemas/documents/tower-samples.ts';
import { TowerAckSchema, TowerCommandSchema } from '../../../schemas/tower-command.ts';
import { TowerMessageSchema } from '../../../schemas/tower-message.ts';

const text = readFileSync(path.resolve(import.meta.dirname, '../../../docs/api/asyncapi.json'), 'utf8');

const MessageSchema = z.looseObject({
  summary: z.string().min(1),
  examples: z.tuple([z.object({ payload: z.unknown() })]),
});
const payloadOf = (message: z.infer<typeof MessageSchema> | undefined): unknown =>
  message?.examples[0].payload;

const document = z
  .object({
    channels: z.record(z.string(), z.looseObject({ address: z.string() })),
    components: z.object({ messages: z.record(z.string(), MessageSchema) }),
  })
  .parse(JSON.parse(text));

describe('docs/api/asyncapi.json', () => {
  it('passes the AsyncAPI parser without a remark', async () => {
    expect(await new Parser().validate(text)).toEqual([]);
  });

  it('has every channel of the tower protocol', () => {
    expect(Object.values(document.channels).map(({ address }) => address)).toEqual([
      'towers/{towerId}/events',
      '$aws/rules/{ruleName}/towers/{towerId}/events',
      'towers/{towerId}/commands',
      'towers/{towerId}/acks',
    ]);
  });

  it('describes every message type, with an example of its own', () => {
    const types = TowerMessageSchema.options.map((option) => option.shape.type.value);
    expect(Object.keys(messageSamples).sort()).toEqual(types.toSorted());
  });

  it('has only examples that Towercast itself accepts or sends', () => {
    const { batch, ack, commandOpen, commandResend, ...events } = document.components.messages;
    for (const message of Object.values(events))
      expect(TowerMessageSchema.safeParse(payloadOf(message)).error).toBeUndefined();
    expect(z.array(TowerMessageSchema).safeParse(payloadOf(batch)).error).toBeUndefined();
    for (const command of [commandOpen, commandResend])
      expect(TowerCommandSchema.safeParse(payloadOf(command)).error).toBeUndefined();
    expect(TowerAckSchema.safeParse(payloadOf(ack)).error).toBeUndefined();
  });
});
