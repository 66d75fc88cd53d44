import * as z from 'zod';
import {
  PublicKeysSchema,
  RotatedEndpointSchema,
  RotationBodySchema,
} from '../../../schemas/endpoint-request.ts';
import type { Endpoint, EndpointSecrets } from '../../../schemas/endpoint.ts';
import { addMs, compareInstants } from '../../../schemas/instant.ts';
import { NameSchema } from '../../../schemas/primitives.ts';
import { revokeOldKeys, rotateKeys, type Rotation } from '../../domain/endpoint-keys.ts';
import { readEndpoint } from '../endpoint-access.ts';
import { defineOperation, type Operation, type Reply } from '../operation.ts';
import { contended, invalidField, notFound, Problem } from '../problem.ts';
import type { Services } from '../services.ts';
import { newSigningKey, publicKeyOf, signingOf } from '../signing-key.ts';

const tag = 'Endpoints';
const params = z.strictObject({ endpointId: NameSchema });
const query = z.strictObject({ partnerId: NameSchema.optional() });
type Rotated = z.infer<typeof RotatedEndpointSchema>;

const rotate = defineOperation({
  operationId: 'rotateEndpointKey',
  method: 'POST',
  path: '/v1/endpoints/{endpointId}/rotate',
  tag,
  summary: 'Sign with a new key, and for a while with the old one too',
  description:
    'For 24 hours, unless the operator chose otherwise, each request has both signatures. Then the old key signs no ' +
    'more. 409 when two rotations are in that time already.',
  access: 'any',
  params,
  query,
  body: RotationBodySchema,
  creates: true,
  problems: [409],
  response: { status: 200, schema: RotatedEndpointSchema, description: 'The endpoint, and its new key.' },
  examples: { body: {} },
  async handle(services, { params, query, body, caller }) {
    const endpoint = await readEndpoint(services, caller, { ...params, ...query });
    const secrets = await services.secrets.open(endpoint);
    const signing = body.signing ?? (body.secret === undefined ? currentSigning(secrets) : undefined);
    const { key, shown } = newSigningKey(services, { ...body, signing });
    const now = services.now();
    const overlapEnd = addMs(now, services.config.keyOverlapSeconds * 1_000);
    const rotation = rotateKeys({ signingKeys: secrets.signingKeys, newKey: key, now, overlapEnd });
    return storeKeys(services, endpoint, { ...secrets, signingKeys: rotatedKeys(rotation) }, shown);
  },
});

const currentSigning = ({ signingKeys }: EndpointSecrets) => signingOf(signingKeys[0]?.key ?? '');

function rotatedKeys(rotation: Rotation): EndpointSecrets['signingKeys'] {
  switch (rotation.kind) {
    case 'rotated':
      return rotation.signingKeys;
    case 'known':
      throw invalidField('/body/secret', 'is a key of this endpoint already');
    case 'too_many':
      throw new Problem(
        409,
        'too_many_keys',
        'Two old keys still sign beside the current one. Revoke them, or wait for their end.',
      );
  }
}

/** The reply goes with the commit: a repeated Idempotency-Key gets the same key, not another rotation. */
async function storeKeys(
  services: Services,
  endpoint: Endpoint,
  secrets: EndpointSecrets,
  shown: Pick<Rotated, 'secret' | 'publicKey'>,
): Promise<Reply<Rotated>> {
  const next: Endpoint = { ...endpoint, secrets: await services.secrets.seal(endpoint, secrets) };
  const version = endpoint.version + 1;
  const signingKeys = secrets.signingKeys.map(({ key, notAfter }) => ({ signing: signingOf(key), notAfter }));
  const reply = { body: { ...next, version, ...shown, signingKeys }, version };
  const outcome = await services.commit({ changes: [next], events: [], reply });
  if (outcome.kind === 'rejected') throw contended();
  return reply;
}

const revoke = defineOperation({
  operationId: 'revokeOldEndpointKeys',
  method: 'POST',
  path: '/v1/endpoints/{endpointId}/revoke',
  tag,
  summary: 'End the overlap of a rotation at once',
  description:
    'Only the current key signs from now on, within seconds. To revoke the current key, rotate first.',
  access: 'any',
  params,
  query,
  body: null,
  problems: [409],
  response: { status: 200, schema: RotatedEndpointSchema, description: 'The endpoint, with one key.' },
  async handle(services, { params, query, caller }) {
    const endpoint = await readEndpoint(services, caller, { ...params, ...query });
    const secrets = await services.secrets.open(endpoint);
    const signingKeys = revokeOldKeys(secrets.signingKeys);
    const publicKey = signingKeys.map(({ key }) => publicKeyOf(key))[0] ?? null;
    return storeKeys(services, endpoint, { ...secrets, signingKeys }, { secret: null, publicKey });
  },
});

const publicKey = defineOperation({
  operationId: 'readEndpointPublicKey',
  method: 'GET',
  path: '/v1/endpoints/{endpointId}/public-key',
  tag,
  summary: 'Read the public keys that verify its signatures',
  description: 'For `ed25519`. During a rotation there are several, the newest first.',
  access: 'any',
  params,
  query,
  body: null,
  response: { status: 200, schema: PublicKeysSchema, description: 'The keys in force.' },
  async handle(services, { params, query, caller }) {
    const endpoint = await readEndpoint(services, caller, { ...params, ...query });
    const { signingKeys } = await services.secrets.open(endpoint);
    const now = services.now();
    const publicKeys = signingKeys
      .filter(({ notAfter }) => notAfter === null || compareInstants(now, notAfter) < 0)
      .flatMap(({ key, notAfter }) => {
        const publicKey = publicKeyOf(key);
        return publicKey === null ? [] : [{ publicKey, notAfter }];
      });
    if (publicKeys.length === 0)
      throw notFound('This endpoint signs with a shared secret: it has no public key.');
    return { body: { publicKeys } };
  },
});

export const endpointKeyOperations: Operation[] = [rotate, revoke, publicKey];
