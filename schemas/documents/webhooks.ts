import * as z from 'zod';
import type { ZodOpenApiPathsObject, ZodOpenApiRequestBodyObject } from 'zod-openapi';
import { contracts } from '../../functions/deliver/contracts/index.ts';
import { acknowledgementOf, ContractNameSchema, type ContractName } from '../contract.ts';
import { expresses } from '../contract-events.ts';
import type { DomainEvent } from '../event.ts';
import { eventSamples } from './event-samples.ts';
import { webhookDescriptions } from './webhook-bodies.ts';

/** Every request's headers: https://www.standardwebhooks.com */
const signatureHeaders = {
  'webhook-id': z.string().meta({
    param: {
      description: 'The event’s id: the same for every retry, replay and endpoint. Drop what you have seen.',
      example: 'evt_0000000000000001-9_mmykbvk0_b7-1042',
    },
  }),
  'webhook-timestamp': z.string().meta({
    param: {
      description: 'Seconds since 1970 at this attempt. Refuse what is more than five minutes off.',
      example: '1774000000',
    },
  }),
  'webhook-signature': z.string().meta({
    param: {
      description:
        'Over `{webhook-id}.{webhook-timestamp}.{body}`: `v1,` and HMAC-SHA256 in base64, or `v1a,` and Ed25519. During a ' +
        'rotation there are several, separated by spaces: one that verifies is enough.',
      example: 'v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4=',
    },
  }),
  'towercast-test': z
    .literal('true')
    .optional()
    .meta({
      param: { description: 'Only on samples that `POST /v1/endpoints/{endpointId}/test` asked for.' },
    }),
};

/** The `webhooks` section: one per contract, with a sample of everything that it can say. */
export function buildWebhooks(): ZodOpenApiPathsObject {
  return Object.fromEntries(
    ContractNameSchema.options.map((contract) => {
      const { summary, description, headers } = webhookDescriptions[contract];
      const body = requestBody(contract);
      return [
        contract,
        {
          post: {
            operationId: `on${pascalCase(contract)}`,
            tags: ['Webhooks'],
            summary,
            description,
            security: [],
            requestParams: { header: z.object({ ...signatureHeaders, ...headers }) },
            ...(body !== undefined && { requestBody: body }),
            responses: responsesTo[acknowledgementOf(contract)],
          },
        },
      ];
    }),
  );
}

const tooFast = { '429': { description: 'Too fast. `Retry-After` is honoured; so with 503.' } };
/** By what ends a delivery. */
const responsesTo = {
  response: {
    '2XX': {
      description: 'Received. Anything else, redirects included, is tried again by the retry schedule.',
    },
    '410': { description: 'The endpoint is gone: it is disabled.' },
    ...tooFast,
  },
  read: {
    default: {
      description:
        'Whatever it is, a 410 too, the notification repeats until its message is marked as read: it disables nothing.',
    },
    ...tooFast,
  },
};

const pascalCase = (name: string): string =>
  name.replaceAll(/(?:^|-)(\w)/g, (_, letter: string) => letter.toUpperCase());

function requestBody(contract: ContractName): ZodOpenApiRequestBodyObject | undefined {
  const { body, contentType } = webhookDescriptions[contract];
  if (body === null) return undefined;
  return { required: true, content: { [contentType]: { schema: body, examples: examplesOf(contract) } } };
}

/** What the contract makes of each sample event that it can express, by event type. */
function examplesOf(contract: ContractName): Record<string, { summary: string; value: unknown }> {
  return Object.fromEntries(
    eventSamples
      .filter((event) => expresses(contract, event))
      .map((event) => [event.type, { summary: event.type, value: renderedSample(contract, event) }]),
  );
}

/** The body that the contract sends of an event. Throws TypeError if it can't say it after all. */
export function renderedSample(contract: ContractName, event: DomainEvent): unknown {
  const rendering = contracts[contract](
    event,
    { method: 'POST', detail: 'full' },
    { operatorTimeZone: 'America/Argentina/Buenos_Aires' },
  );
  if (rendering === null) throw new TypeError(`${contract} does not render ${event.type}`);
  return JSON.parse(Buffer.from(rendering.body).toString());
}
