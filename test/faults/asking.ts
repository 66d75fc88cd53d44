import { createHash, randomUUID } from 'node:crypto';
import * as z from 'zod';
import type { ApiAnswer, ApiCall } from '../helpers/api-client.ts';
import type { Scene } from './flow.ts';

const ProblemSchema = z.looseObject({ code: z.string() });

/** Posts until it is answered: with one Idempotency-Key, so that it is done once however often it is asked for. */
export async function postOnce(scene: Scene, path: string, body: ApiCall['body']): Promise<ApiAnswer> {
  const { world, tag } = scene;
  const key = randomUUID();
  world.alias(
    createHash('sha256')
      .update(JSON.stringify([tag, key]))
      .digest('hex'),
    tag,
  );
  const partner = await scene.partner();
  const post = async () => {
    try {
      return await partner.call('POST', path, { body, headers: { 'idempotency-key': key } });
    } catch {
      return null;
    }
  };
  let answer = await post();
  await scene.until(`an answer to POST ${path}`, async () => {
    if (answer !== null && isFinal(answer)) return true;
    scene.refused();
    answer = await post();
    return false;
  });
  if (answer === null || (answer.status >= 300 && codeOf(answer) !== 'answer_lost'))
    throw new Error(`POST ${path} was answered ${answer?.status} ${answer?.text}`);
  return answer;
}

const codeOf = (answer: ApiAnswer): string => ProblemSchema.safeParse(answer.json).data?.code ?? '';

const isFinal = (answer: ApiAnswer): boolean =>
  answer.status < 500 && !['request_in_flight', 'conflict'].includes(codeOf(answer));

/** Asks until it is done: for what may be asked twice. */
export async function askUntilDone(
  scene: Scene,
  method: string,
  path: string,
  body?: ApiCall['body'],
): Promise<void> {
  const partner = await scene.partner();
  await scene.until(`${method} ${path} to be done`, async () => {
    const answer = await partner.call(method, path, { body }).catch(() => null);
    if (answer !== null && answer.status < 300) return true;
    scene.refused();
    return false;
  });
}
