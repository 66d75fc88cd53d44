import * as z from 'zod';
import { ResendCommandSchema, TowerAckSchema, TowerCommandSchema } from '../tower-command.ts';
import { TowerMessageSchema } from '../tower-message.ts';
import { makeReadable } from './readable-schema.ts';
import { ackSample, commandSamples, messageSamples } from './tower-samples.ts';

/**
 * The tower protocol as AsyncAPI 3.1, from the point of view of Towercast: it receives events and sends commands and
 * acks. https://www.asyncapi.com/docs/reference/specification/v3.1.0
 */
export function buildAsyncApi(version: string): object {
  const events = TowerMessageSchema.options.map(eventMessage);
  const commands = TowerCommandSchema.options.map(commandMessage);
  return {
    asyncapi: '3.1.0',
    id: 'urn:towercast:towers',
    info: {
      title: 'Towercast tower protocol',
      version,
      description:
        'MQTT 3.1.1, QoS 1, retain off. The MQTT client id is the tower id, which is its IoT thing name. A tower may ' +
        'publish and subscribe under its own name only. What a repeat, a gap or a late message comes to is told in ' +
        'docs/tower-protocol.md.',
      license: { name: 'MIT' },
    },
    defaultContentType: 'application/json',
    servers,
    channels: {
      events: channel('towers/{towerId}/events', 'What towers report.', [...keys(events), 'batch']),
      basicIngest: {
        ...channel(
          '$aws/rules/{ruleName}/towers/{towerId}/events',
          'The same, without the broker’s message charge.',
          [...keys(events), 'batch'],
        ),
        parameters: {
          towerId: towerParameter,
          ruleName: { description: 'The stack’s output TowerRuleName.' },
        },
        servers: [{ $ref: '#/servers/aws' }],
      },
      commands: channel('towers/{towerId}/commands', 'What a tower is asked to do.', keys(commands)),
      acks: channel('towers/{towerId}/acks', 'How far a tower may prune its buffer.', ['ack']),
    },
    operations: {
      receiveEvents: operation('receive', 'events', 'Towers report what happened.'),
      receiveEventsByBasicIngest: operation(
        'receive',
        'basicIngest',
        'Towers report what happened, for less.',
      ),
      sendCommands: operation('send', 'commands', 'Towercast asks for missing messages and opens doors.'),
      sendAcks: operation('send', 'acks', 'Towercast answers heartbeats and arrays.'),
    },
    components: {
      messages: Object.fromEntries([...events, batch(keys(events)), ...commands, ack]),
      schemas: Object.fromEntries(
        TowerMessageSchema.options.map((option) => [option.shape.type.value, jsonSchema(option)]),
      ),
    },
  };
}

type NamedMessage = readonly [name: string, message: object];

const servers = {
  aws: {
    host: '{endpoint}:8883',
    protocol: 'secure-mqtt',
    protocolVersion: '3.1.1',
    description: 'AWS IoT Core. TLS with one client certificate per tower.',
    variables: { endpoint: { description: 'The account’s ATS data endpoint.' } },
    security: [{ type: 'X509' }],
  },
  local: {
    host: '127.0.0.1:1883',
    protocol: 'mqtt',
    protocolVersion: '3.1.1',
    description: 'The broker of the local stack: plain TCP, no certificate.',
  },
};

const towerParameter = {
  description: 'The tower’s IoT thing name: 1 to 64 of A-Z a-z 0-9 : _ -',
  examples: ['0000000000000001'],
};

const keys = (messages: readonly NamedMessage[]): string[] => messages.map(([name]) => name);

/** Plain names: a dot is fine in a component's key, but not in every tool that makes code of it. */
const messageKey = (type: string): string =>
  type.replaceAll(/[._](\w)/g, (_, letter: string) => letter.toUpperCase());

function channel(address: string, description: string, messageKeys: readonly string[]) {
  return {
    address,
    description,
    messages: Object.fromEntries(messageKeys.map((key) => [key, { $ref: `#/components/messages/${key}` }])),
    parameters: { towerId: towerParameter },
  };
}

const operation = (action: 'receive' | 'send', channelKey: string, summary: string) => ({
  action,
  channel: { $ref: `#/channels/${channelKey}` },
  summary,
  bindings: { mqtt: { qos: 1, retain: false } },
});

/** AsyncAPI's own schema language is a superset of JSON Schema draft 7. */
function jsonSchema(schema: z.ZodType): object {
  const { $schema: _, ...rendered } = z.toJSONSchema(schema, {
    target: 'draft-7',
    io: 'input',
    override: ({ jsonSchema }) => makeReadable(jsonSchema),
  });
  return rendered;
}

function eventMessage(option: (typeof TowerMessageSchema.options)[number]): NamedMessage {
  const type = option.shape.type.value;
  const sample = messageSamples[type];
  const payload = { v: 1, boot: 'b7', seq: 1042, at: '2026-03-20T09:15:00.000Z', type, ...sample?.fields };
  return [
    messageKey(type),
    {
      name: type,
      title: type,
      summary: sample?.summary ?? '',
      payload: { $ref: `#/components/schemas/${type}` },
      examples: [{ name: 'sample', payload }],
    },
  ];
}

function commandMessage(option: (typeof TowerCommandSchema.options)[number]): NamedMessage {
  const type = option === ResendCommandSchema ? 'resend' : 'open';
  const { summary, sample } = commandSamples[type];
  return [
    `command${type === 'resend' ? 'Resend' : 'Open'}`,
    {
      name: type,
      title: type,
      summary,
      payload: jsonSchema(option),
      examples: [{ name: 'sample', payload: sample }],
    },
  ];
}

/** What a tower that was offline flushes. */
function batch(eventKeys: readonly string[]): NamedMessage {
  const heartbeat = { v: 1, boot: 'b7', type: 'tower.heartbeat' };
  return [
    'batch',
    {
      name: 'batch',
      title: 'an array of messages',
      summary: 'What a tower that was offline flushes, oldest first: at most 128 KB.',
      payload: {
        type: 'array',
        minItems: 1,
        items: { oneOf: eventKeys.map((key) => ({ $ref: `#/components/messages/${key}/payload` })) },
      },
      examples: [
        {
          name: 'sample',
          payload: [
            { ...heartbeat, seq: 1043, at: '2026-03-20T09:15:30.000Z' },
            { ...heartbeat, seq: 1044, at: '2026-03-20T09:16:00.000Z' },
          ],
        },
      ],
    },
  ];
}

const ack: NamedMessage = [
  'ack',
  {
    name: 'ack',
    title: 'ack',
    summary: 'Every message of this boot up to and including `seq` is committed.',
    payload: jsonSchema(TowerAckSchema),
    examples: [{ name: 'sample', payload: ackSample }],
  },
];
