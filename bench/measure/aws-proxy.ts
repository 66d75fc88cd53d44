import {
  createServer,
  request as httpRequest,
  type ClientRequest,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http';
import { buffer } from 'node:stream/consumers';
import * as z from 'zod';
import { listen } from '../../local/engines/free-port.ts';

const MessageSchema = z.record(z.string(), z.json());
/** A request or an answer of AWS's JSON protocols. */
export type AwsMessage = z.infer<typeof MessageSchema>;

/** What becomes of a request. */
export interface Rewritten {
  /** What goes on instead. */
  readonly request: AwsMessage;
  /** What goes back instead of an answer; undefined: that answer as it is. Not asked about errors. */
  readonly answer?: (answer: AwsMessage) => AwsMessage | undefined;
}

/** `operation` such as `PutItem`. Undefined: request and answer pass as they are, as does what names no operation. */
export type Rewrite = (operation: string, request: AwsMessage) => Rewritten | undefined;

export interface AwsProxy {
  readonly url: string;
  close(): void;
}

/** Stands between callers of AWS and an engine. What fails on the way is an aborted connection, which SDKs try again. */
export async function startAwsProxy(target: string, rewrite: Rewrite): Promise<AwsProxy> {
  const { hostname, port } = new URL(target);
  const forward = async (incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> => {
    const operation = String(incoming.headers['x-amz-target']).split('.')[1] ?? '';
    const sent = await buffer(incoming);
    const rewritten = operation === '' ? undefined : rewrite(operation, parse(sent));
    const body = rewritten === undefined ? sent : write(rewritten.request);
    const headers = { ...incoming.headers, 'content-length': String(body.length) };
    const forwarded = httpRequest({ hostname, port, method: incoming.method, path: incoming.url, headers });
    forwarded.end(body);
    const response = await responseOf(forwarded);
    const answer = await buffer(response);
    const changed = response.statusCode === 200 ? rewritten?.answer?.(parse(answer)) : undefined;
    if (changed === undefined) outgoing.writeHead(response.statusCode ?? 502, response.headers).end(answer);
    // Its length and checksum were those of what it was before.
    else outgoing.writeHead(200, { 'content-type': response.headers['content-type'] }).end(write(changed));
  };
  const server = createServer((incoming, outgoing) => {
    forward(incoming, outgoing).catch(() => outgoing.destroy());
  });
  const bound = await listen(server, 0, '');
  return {
    url: `http://127.0.0.1:${bound}`,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

const parse = (body: Buffer): AwsMessage => MessageSchema.parse(JSON.parse(body.toString()));

const write = (message: AwsMessage): Buffer => Buffer.from(JSON.stringify(message));

const responseOf = (request: ClientRequest): Promise<IncomingMessage> =>
  new Promise((resolve, reject) => {
    request.once('response', resolve).once('error', reject);
  });
