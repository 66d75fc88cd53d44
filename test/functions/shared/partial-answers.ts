import type { Transport } from '../../../functions/shared/aws/transport.ts';
import { divide } from '../../helpers/in-part.ts';

/** DynamoDB does a part only of the first so many requests for an operation: half of those entries that are chosen are left undone. */
export function inPart(
  operation: string,
  { times, isChosen = () => true }: { times: number; isChosen?: (entry: string) => boolean },
): (network: Transport) => Transport {
  let left = times;
  return (network) => ({
    ...network,
    async send(request) {
      if (left === 0 || request.headers['x-amz-target']?.endsWith(`.${operation}`) !== true)
        return network.send(request);
      left -= 1;
      const divided = divide(operation, JSON.parse(request.body.toString()), (entry) =>
        isChosen(JSON.stringify(entry)),
      );
      const body = JSON.stringify(divided.request);
      const headers = { ...request.headers, 'content-length': String(Buffer.byteLength(body)) };
      const done = divided.request === null ? '{}' : (await network.send({ ...request, headers, body })).body;
      return { status: 200, headers: {}, body: JSON.stringify(divided.answer(JSON.parse(done))) };
    },
  });
}
