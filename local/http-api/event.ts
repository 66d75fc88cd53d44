import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Json } from '../intrinsics.ts';
import { account } from '../resource-types.ts';
import type { Authorization } from './jwt-authorizer.ts';
import type { MatchedRoute } from './route.ts';

export interface EventSource {
  readonly apiId: string;
  readonly request: IncomingMessage;
  readonly url: URL;
  readonly body: Buffer;
  readonly matched: MatchedRoute;
  /** Null on a route without an authorizer. */
  readonly authorization: Extract<Authorization, { kind: 'allowed' }> | null;
}

/**
 * Payload version 2.0 of a Lambda proxy integration. Source: API Gateway, "Create AWS Lambda proxy integrations for HTTP
 * APIs".
 */
export function toEvent(source: EventSource): Json {
  const { request, url, body, matched } = source;
  const headers = headersOf(request);
  const query = [...new Set(url.searchParams.keys())].map((name): [string, string] => [
    name,
    url.searchParams.getAll(name).join(','),
  ]);
  const isText = /^(?:text\/|application\/(?:json|xml|javascript)|$)/.test(headers['content-type'] ?? '');
  return {
    version: '2.0',
    routeKey: matched.route.RouteKey,
    rawPath: url.pathname,
    rawQueryString: url.search.slice(1),
    headers,
    ...(query.length > 0 && { queryStringParameters: Object.fromEntries(query) }),
    ...(Object.keys(matched.parameters).length > 0 && { pathParameters: { ...matched.parameters } }),
    requestContext: requestContext(source, headers),
    ...(body.length > 0 && { body: body.toString(isText ? 'utf8' : 'base64') }),
    isBase64Encoded: body.length > 0 && !isText,
  };
}

function requestContext(
  { apiId, request, url, matched, authorization }: EventSource,
  headers: Readonly<Record<string, string>>,
) {
  const now = new Date();
  return {
    accountId: account,
    apiId,
    ...(authorization !== null && {
      authorizer: { jwt: { claims: authorization.claims, scopes: authorization.scopes } },
    }),
    domainName: headers['host'] ?? '',
    domainPrefix: apiId,
    http: {
      method: request.method ?? '',
      path: url.pathname,
      protocol: `HTTP/${request.httpVersion}`,
      sourceIp: request.socket.remoteAddress ?? '',
      userAgent: headers['user-agent'] ?? '',
    },
    requestId: randomUUID(),
    routeKey: matched.route.RouteKey,
    stage: '$default',
    time: now.toUTCString(),
    timeEpoch: now.getTime(),
  };
}

/** Names in lower case; values of a repeated header joined with commas. */
const headersOf = (request: IncomingMessage): Record<string, string> =>
  Object.fromEntries(
    Object.entries(request.headersDistinct).flatMap(([name, values]) =>
      values === undefined ? [] : [[name.toLowerCase(), values.join(',')]],
    ),
  );
