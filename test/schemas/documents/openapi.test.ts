import { readFileSync } from 'node:fs';
import path from 'node:path';
import { Validator } from '@seriousme/openapi-schema-validator';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import { fullFormats } from 'ajv-formats/dist/formats.js';
import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { operations } from '../../../functions/api/operations.ts';
import { notFound, Problem } from '../../../functions/api/problem.ts';
import { expresses } from '../../../schemas/contract-events.ts';
import { acknowledgementOf, ContractNameSchema } from '../../../schemas/contract.ts';
import { eventTypes } from '../../../schemas/event.ts';
import { eventSamples } from '../../../schemas/documents/event-samples.ts';
import { ProblemSchema } from '../../../schemas/documents/problems.ts';
import { webhookDescriptions } from '../../../schemas/documents/webhook-bodies.ts';
import { renderedSample } from '../../../schemas/documents/webhooks.ts';
import { generateDocuments } from '../../../schemas/documents/write.ts';
import { examplesIn, operationsIn, parseDocument, parseJson } from './walk.ts';

const ResponsesSchema = z.record(
  z.string(),
  z.looseObject({ content: z.record(z.string(), z.unknown()).optional() }),
);
/** A body whose fields are its own: one behind a reference would have to be looked up. */
const BodySchema = z.object({
  schema: z.object({
    properties: z.record(z.string(), z.object({ description: z.string().min(1).optional() })),
  }),
});
const root = path.resolve(import.meta.dirname, '../../..');
const committed = (file: string): string => readFileSync(path.join(root, file), 'utf8');

describe('the committed documents', () => {
  it('say what the code says: otherwise run npm run docs:api', async () => {
    for (const [file, text] of Object.entries(await generateDocuments()))
      expect(committed(file) === text, `${file} is stale: run npm run docs:api`).toBe(true);
  });
});

describe('docs/api/openapi.json', () => {
  const text = committed('docs/api/openapi.json');
  const document = parseDocument(text);

  it('passes a public validator of OpenAPI 3.1', async () => {
    expect(await new Validator().validate(parseJson(text))).toMatchObject({ valid: true });
  });

  it('has every operation of the router, each with summary, tag and examples', () => {
    const documented = operationsIn(document.paths);
    expect(documented.map(({ operationId }) => operationId).sort()).toEqual(
      operations.map(({ operationId }) => operationId).sort(),
    );
    const described = new Set(document.tags.map(({ name }) => name));
    const incomplete = documented.flatMap(({ operationId, summary, tags, ...operation }) => {
      const lacks = [
        summary === undefined && 'a summary',
        !tags?.some((tag) => described.has(tag)) && 'a described tag (tags.ts)',
        ...operation.parameters
          .filter(({ in: place, example }) => place === 'path' && example === undefined)
          .map(({ name }) => `an example of ${name} (parameter-examples.ts)`),
        ...Object.entries(operation.requestBody?.content ?? {}).map(
          ([, media]) => !('example' in media) && 'an example of its body',
        ),
        ...Object.entries(operation.responses)
          .filter(([status]) => status.startsWith('2'))
          .flatMap(([, { content = {} }]) => Object.values(content))
          .map((media) => !('example' in media) && 'an example of its response'),
      ].filter((what) => what !== false);
      return lacks.map((what) => `${operationId} lacks ${what}`);
    });
    expect(incomplete).toEqual([]);
  });

  it('takes an Idempotency-Key with every POST that creates', () => {
    const posts = Object.values(document.paths).flatMap(({ post }) => post ?? []);
    const created = posts.filter(({ responses }) => '201' in responses);
    expect(created).not.toEqual([]);
    const without = created.filter(
      ({ parameters }) =>
        !parameters.some(({ in: place, name }) => place === 'header' && name === 'Idempotency-Key'),
    );
    expect(without.map(({ operationId }) => operationId)).toEqual([]);
  });

  it('describes every field of a request body', () => {
    const fields = operationsIn(document.paths).flatMap(({ operationId, requestBody }) =>
      Object.values(requestBody?.content ?? {}).flatMap((media) =>
        Object.entries(BodySchema.parse(media).schema.properties).map(([name, { description }]) => ({
          name: `${operationId}.${name}`,
          description,
        })),
      ),
    );
    expect(fields).not.toEqual([]);
    const undescribed = fields.filter(({ description }) => description === undefined);
    expect(undescribed.map(({ name }) => name)).toEqual([]);
  });

  it('has only examples that are valid by their schema', () => {
    const ajv = new Ajv2020({ strict: false, formats: fullFormats });
    ajv.addSchema({ $id: 'https://openapi.test/document', ...parseJson(text) });
    const validators = new Map<string, ValidateFunction>();
    const validatorOf = (schema: object): ValidateFunction => {
      const text = JSON.stringify(schema).replaceAll('"#/', '"https://openapi.test/document#/');
      const validate = validators.get(text) ?? ajv.compile(parseJson(text));
      validators.set(text, validate);
      return validate;
    };
    const wrong = examplesIn(parseJson(text)).flatMap(({ place, schema, value }) => {
      const validate = validatorOf(schema);
      return validate(value) ? [] : [`${place}: ${ajv.errorsText(validate.errors)}`];
    });
    expect(wrong).toEqual([]);
  });
});

describe('the refusals that it describes', () => {
  const document = parseDocument(committed('docs/api/openapi.json'));
  const responses = ResponsesSchema.parse(document.components['responses']);
  /** The media types of an operation's answer, by status. */
  const typesOf = (operationId: string) => {
    const found = operationsIn(document.paths).find((one) => one.operationId === operationId);
    return Object.fromEntries(
      Object.entries(found?.responses ?? {}).map(([status, { $ref, content }]) => {
        const shared = responses[String($ref).replace('#/components/responses/', '')];
        return [status, Object.keys(content ?? shared?.content ?? {})];
      }),
    );
  };

  it('are of API Gateway, too, where that reads the token', () => {
    const both = ['application/problem+json', 'application/json'];
    expect(typesOf('listTowers')).toMatchObject({
      '400': ['application/problem+json'],
      '401': both,
      '403': both,
    });
  });

  it('are of API Gateway, too, where a body is too large for it', () => {
    expect(typesOf('createReservation')).toMatchObject({
      '413': ['application/problem+json', 'application/json'],
    });
  });

  it('are pages where the answer is one', () => {
    const { '303': redirect, ...refusals } = typesOf('pressLockerButton');
    expect(redirect).toEqual(['text/html; charset=utf-8']);
    expect(Object.keys(refusals)).toEqual(expect.arrayContaining(['400', '404', '409', '410', '422', '500']));
    for (const types of Object.values(refusals)) expect(types).toEqual(redirect);
  });

  it('are all there is of an operation that never succeeds', () => {
    const statuses = Object.keys(typesOf('deleteIntegration'));
    expect(statuses).toContain('405');
    expect(statuses.filter((status) => status.startsWith('2'))).toEqual([]);
  });
});

describe('the webhooks that it lists', () => {
  it('end with a 410 where a response ends anything, and nowhere else', () => {
    const { webhooks } = parseDocument(committed('docs/api/openapi.json'));
    const ended = Object.keys(webhooks).filter(
      (contract) => webhooks[contract]?.['post']?.responses['410'] !== undefined,
    );
    const answered = ContractNameSchema.options.filter(
      (contract) => acknowledgementOf(contract) === 'response',
    );
    expect(answered).not.toContain('message-pointer');
    expect(ended.sort()).toEqual(answered.toSorted());
  });

  it('are all contracts', () => {
    const document = parseDocument(committed('docs/api/openapi.json'));
    expect(Object.keys(document.webhooks).sort()).toEqual(ContractNameSchema.options.toSorted());
  });

  it('are shown with a sample of every event type', () => {
    expect(eventSamples.map(({ type }) => type)).toEqual(eventTypes);
  });

  it.each(ContractNameSchema.options)(
    '%s sends what its schema describes, of every event it can express',
    (contract) => {
      const { body } = webhookDescriptions[contract];
      const expressed = eventSamples.filter((event) => expresses(contract, event));
      expect(expressed).not.toEqual([]);
      const wrong = expressed
        .filter(() => body !== null)
        .map((event) => body?.safeParse(renderedSample(contract, event)).error);
      expect(wrong.filter((error) => error !== undefined)).toEqual([]);
    },
  );
});

describe('the problem schema', () => {
  it('describes what the API sends', () => {
    const problem = new Problem(400, 'validation_failed', 'One.', {
      errors: [{ pointer: '/body/url', detail: 'x' }],
    });
    for (const sent of [problem, notFound()])
      expect(ProblemSchema.strict().safeParse(JSON.parse(JSON.stringify(sent))).error).toBeUndefined();
  });
});
