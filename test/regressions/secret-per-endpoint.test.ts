import { expect, it } from 'vitest';
import { synthesize } from '../lib/synthesized.ts';

it('endpoints’ secrets cost nothing each: one key encrypts them in their items', () => {
  const stack = synthesize('prod');
  const types = Object.values(stack.resources).map(({ Type }) => Type);
  expect(
    types.filter((type) => type.startsWith('AWS::SecretsManager') || type.startsWith('AWS::SSM')),
  ).toEqual([]);
  expect(stack.ofType('AWS::KMS::Key').map(([id]) => id)).toEqual(['SecretsKey']);
});
