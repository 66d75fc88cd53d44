import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { listen } from '../../../local/engines/free-port.ts';

export interface ServedRequest {
  method: string;
  path: string;
  headers: IncomingMessage['headers'];
  text: string;
  /** Of the bearer token, null without one. */
  clientId: string | null;
}

export interface ServedAnswer {
  status: number;
  headers?: Record<string, string>;
  body?: unknown;
}

export interface ApiServer {
  origin: string;
  /** As `addresses` of a stack has them. */
  addresses: { api: string; oidc: string };
  requests: ServedRequest[];
  /** How often a token was asked for. */
  tokens: number;
  stop(): Promise<void>;
}

/** An issuer, whose tokens are the client's name, and an API with the given answers. */
export async function startApiServer(answer: (request: ServedRequest) => ServedAnswer): Promise<ApiServer> {
  const answerTo = async (request: IncomingMessage): Promise<ServedAnswer> => {
    const text = (await buffer(request)).toString();
    const { authorization = '' } = request.headers;
    if (request.url === '/oidc/token') {
      api.tokens += 1;
      return tokenFor(authorization, text);
    }
    const served: ServedRequest = {
      method: request.method ?? '',
      path: request.url ?? '',
      headers: request.headers,
      text,
      clientId: authorization === '' ? null : authorization.replace('Bearer ', ''),
    };
    api.requests.push(served);
    return answer(served);
  };
  const server = createServer((request, response) => {
    answerTo(request).then(
      (answered) => send(response, answered),
      (error: unknown) => send(response, { status: 500, body: { detail: String(error) } }),
    );
  });
  const origin = `http://127.0.0.1:${await listen(server, 0, '')}`;
  const api: ApiServer = {
    origin,
    addresses: { api: origin, oidc: `${origin}/oidc` },
    requests: [],
    tokens: 0,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  return api;
}

function tokenFor(authorization: string, form: string): ServedAnswer {
  const [clientId] = Buffer.from(authorization.replace('Basic ', ''), 'base64').toString().split(':');
  const isGranted = new URLSearchParams(form).get('scope') === 'towercast/partner';
  return isGranted ? { status: 200, body: { access_token: clientId } } : { status: 400 };
}

function send(response: ServerResponse, { status, headers = {}, body }: ServedAnswer): void {
  response
    .writeHead(status, { 'content-type': 'application/json', ...headers })
    .end(body === undefined ? '' : JSON.stringify(body));
}
