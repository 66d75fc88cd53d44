import * as z from 'zod';

/** Values of a multi-valued claim come as `[a b]`; a token of another issuer may have lists. */
const ClaimSchema = z.union([z.string(), z.number().transform(String), z.boolean().transform(String)]);

/**
 * What is used of an HTTP API's event, payload version 2.0. Source: API Gateway, "Create AWS Lambda proxy integrations
 * for HTTP APIs".
 */
const ApiEventSchema = z.object({
  version: z.literal('2.0'),
  /** `GET /v1/towers/{towerId}`, or `$default`. */
  routeKey: z.string(),
  rawPath: z.string(),
  headers: z.record(z.string(), z.string()).default({}),
  queryStringParameters: z.record(z.string(), z.string()).default({}),
  pathParameters: z.record(z.string(), z.string()).default({}),
  body: z.string().optional(),
  isBase64Encoded: z.boolean().default(false),
  requestContext: z.object({
    requestId: z.string(),
    http: z.object({ method: z.string() }),
    authorizer: z
      .object({ jwt: z.object({ claims: z.record(z.string(), ClaimSchema.catch('')) }) })
      .optional(),
  }),
});

export interface ApiRequest {
  /** The route that API Gateway matched, and authorized the caller for. */
  routeKey: string;
  requestId: string;
  method: string;
  path: string;
  params: Readonly<Record<string, string>>;
  query: Readonly<Record<string, string>>;
  /** Names in lower case. */
  headers: Readonly<Record<string, string>>;
  /** Empty when there is none. */
  body: Buffer;
  /** Of the verified token; null on a public route. */
  claims: Readonly<Record<string, string>> | null;
}

/** Throws a ZodError for what API Gateway never sends. */
export function parseRequest(event: unknown): ApiRequest {
  const parsed = ApiEventSchema.parse(event);
  const { requestContext, body = '', isBase64Encoded } = parsed;
  return {
    routeKey: parsed.routeKey,
    requestId: requestContext.requestId,
    method: requestContext.http.method,
    path: parsed.rawPath,
    params: parsed.pathParameters,
    query: parsed.queryStringParameters,
    headers: Object.fromEntries(
      Object.entries(parsed.headers).map(([name, value]) => [name.toLowerCase(), value]),
    ),
    body: Buffer.from(body, isBase64Encoded ? 'base64' : 'utf8'),
    claims: requestContext.authorizer?.jwt.claims ?? null,
  };
}
