import { operations } from '../../../functions/api/operations.ts';

export interface GatewayRequest {
  method: string;
  path: string;
  /** Default: see `routeOf`. */
  route?: Route;
  query?: Record<string, string>;
  headers?: Record<string, string>;
  body?: string | undefined;
  isBase64Encoded?: boolean;
  /** Claims of the token; null without one. */
  claims: Record<string, unknown> | null;
}

interface Route {
  routeKey: string;
  pathParameters: Record<string, string>;
}

/** A request as an HTTP API hands it to its function (payload 2.0). */
export const gatewayRequest = ({
  method,
  path,
  route = routeOf(method, path),
  query = {},
  headers = {},
  claims,
  ...body
}: GatewayRequest) => ({
  version: '2.0',
  ...route,
  rawPath: path,
  headers,
  queryStringParameters: query,
  ...body,
  requestContext: {
    requestId: 'r-1',
    http: { method },
    ...(claims !== null && { authorizer: { jwt: { claims } } }),
  },
});

/** As API Gateway does it: no literal part of one path is a parameter of another here. */
function routeOf(method: string, path: string): Route {
  for (const operation of operations) {
    const names = [...operation.path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name ?? '');
    const pattern = new RegExp(`^${operation.path.replaceAll(/\{\w+\}/g, '([^/]+)')}$`);
    const match = operation.method === method ? pattern.exec(path) : null;
    if (match === null) continue;
    const pathParameters: Record<string, string> = {};
    for (const [index, name] of names.entries())
      pathParameters[name] = decodeURIComponent(match[index + 1] ?? '');
    return { routeKey: `${method} ${operation.path}`, pathParameters };
  }
  return { routeKey: '$default', pathParameters: {} };
}

/** An answer's body; empty for what is no JSON object. Throws for what is no JSON. */
export function readJson(body: string): Record<string, unknown> {
  const value: unknown = body === '' ? null : JSON.parse(body);
  return typeof value === 'object' && value !== null ? { ...value } : {};
}
