import type { IncomingMessage } from 'node:http';
import * as z from 'zod';
import type { HttpReply, HttpService } from '../engines/http-server.ts';
import type { Json } from '../intrinsics.ts';
import type { InvocationResult } from '../lambda/process.ts';
import { account, region } from '../resource-types.ts';
import { StartError } from '../start-error.ts';
import type { Template } from '../template.ts';
import { toEvent } from './event.ts';
import { AuthorizerSchema, createJwtAuthorizer, type JwtAuthorizer } from './jwt-authorizer.ts';
import { matchRoute, type Route, RouteSchema } from './route.ts';

/** What the API needs of the functions; they start after it, for they are told its address. */
export interface ApiFunctions {
  invoke(functionArn: string, event: Json): Promise<InvocationResult>;
  assertPermitted(functionArn: string, principal: string, sourceArn: string): void;
}

const ApiSchema = z.strictObject({
  Name: z.string(),
  ProtocolType: z.literal('HTTP'),
  Description: z.unknown().optional(),
  Tags: z.unknown().optional(),
});

const IntegrationSchema = z.strictObject({
  ApiId: z.string(),
  IntegrationType: z.literal('AWS_PROXY'),
  IntegrationUri: z.string(),
  PayloadFormatVersion: z.literal('2.0'),
});

/** Of the whole request. Source: "Quotas for configuring and running an HTTP API". */
const maxBodyBytes = 10 * 1024 * 1024;

/**
 * The template's HTTP API: its routes with their JWT authorizers and Lambda integrations. Answers every request, so it
 * comes last among the services. Throws StartError for a template that API Gateway would refuse, or that could not work.
 */
export function createHttpApi(template: Template, functions: () => ApiFunctions): HttpService {
  const [api, ...others] = template.resources('AWS::ApiGatewayV2::Api', ApiSchema);
  if (api === undefined) return () => Promise.resolve(undefined);
  if (others.length > 0)
    throw new StartError(
      'http_apis',
      'the template has more than one HTTP API, and the local stack runs one',
    );
  const routes = template
    .resources('AWS::ApiGatewayV2::Route', RouteSchema)
    .map(({ properties }) => properties);
  const authorizers = new Map(
    template
      .resources('AWS::ApiGatewayV2::Authorizer', AuthorizerSchema)
      .map(({ name, properties }) => [name, createJwtAuthorizer(properties.JwtConfiguration)]),
  );
  const integrations = new Map(
    template
      .resources('AWS::ApiGatewayV2::Integration', IntegrationSchema)
      .map(({ name, properties }) => [`integrations/${name}`, properties.IntegrationUri]),
  );
  const parts: ApiParts = { apiId: api.name, routes, authorizers, integrations, functions };
  return (request, body) => answer(parts, request, body);
}

const authorizersOf = (template: Template) =>
  template.resources('AWS::ApiGatewayV2::Authorizer', AuthorizerSchema).map(({ properties }) => properties);

/** Whose tokens the API takes. */
export const issuerOf = (template: Template): string =>
  authorizersOf(template)[0]?.JwtConfiguration.Issuer ?? '';

/** What a token's `aud` may be. */
export const audienceOf = (template: Template): string =>
  authorizersOf(template)[0]?.JwtConfiguration.Audience[0] ?? '';

/** At AWS a route without this permission answers 500 and tells nobody why. */
export function assertApiPermitted(template: Template, functions: ApiFunctions): void {
  for (const { properties } of template.resources('AWS::ApiGatewayV2::Integration', IntegrationSchema)) {
    const sourceArn = `arn:aws:execute-api:${region}:${account}:${properties.ApiId}/*`;
    functions.assertPermitted(properties.IntegrationUri, 'apigateway.amazonaws.com', sourceArn);
  }
}

interface ApiParts {
  readonly apiId: string;
  readonly routes: readonly Route[];
  /** By id. */
  readonly authorizers: ReadonlyMap<string, JwtAuthorizer>;
  /** Function ARN by target. */
  readonly integrations: ReadonlyMap<string, string>;
  readonly functions: () => ApiFunctions;
}

async function answer(parts: ApiParts, request: IncomingMessage, body: Buffer): Promise<HttpReply> {
  const url = new URL(request.url ?? '/', 'http://localhost');
  const matched = match(parts.routes, request.method ?? '', url.pathname);
  if (matched === 'undecodable') return ownReply(400, 'Bad Request');
  if (matched === null) return ownReply(404, 'Not Found');
  if (body.length > maxBodyBytes) return ownReply(413, 'Request Entity Too Large');
  const { AuthorizationType, AuthorizerId = '', AuthorizationScopes = [] } = matched.route;
  const authorizer = AuthorizationType === 'JWT' ? parts.authorizers.get(AuthorizerId) : null;
  if (authorizer === undefined) return ownReply(500, 'Internal Server Error');
  const authorization =
    authorizer === null ? null : await authorizer(request.headers.authorization, AuthorizationScopes);
  if (authorization?.kind === 'refused') return refusal(authorization.status, authorization.reason);
  const functionArn = parts.integrations.get(matched.route.Target) ?? '';
  const { apiId } = parts;
  const result = await parts
    .functions()
    .invoke(functionArn, toEvent({ apiId, request, url, body, matched, authorization }));
  return result.ok ? replyOf(result.payload) : ownReply(500, 'Internal Server Error');
}

function match(routes: readonly Route[], method: string, path: string) {
  try {
    return matchRoute(routes, method, path);
  } catch (error) {
    if (error instanceof URIError) return 'undecodable';
    throw error;
  }
}

/** API Gateway's own answers. */
const ownReply = (status: number, message: string, headers: Record<string, string> = {}): HttpReply => ({
  status,
  headers: { 'content-type': 'application/json', ...headers },
  bytes: Buffer.from(JSON.stringify({ message })),
});

const refusal = (status: 401 | 403, reason: string): HttpReply => {
  const error = status === 401 ? 'invalid_token' : 'insufficient_scope';
  return ownReply(status, status === 401 ? 'Unauthorized' : 'Forbidden', {
    'www-authenticate': `Bearer error="${error}" error_description="${reason.replaceAll(/["\r\n]/g, "'")}"`,
  });
};

const ResultSchema = z.object({
  statusCode: z.coerce.number().int(),
  headers: z.record(z.string(), z.coerce.string()).default({}),
  cookies: z.array(z.string()).default([]),
  body: z.string().default(''),
  isBase64Encoded: z.boolean().default(false),
});

/** Source: "Lambda function response for format 2.0". */
function replyOf(payload: Json): HttpReply {
  const result = ResultSchema.safeParse(payload);
  if (!result.success) {
    // Whatever has no status code is the body of a 200.
    const headers = { 'content-type': 'application/json' };
    return { status: 200, headers, bytes: Buffer.from(JSON.stringify(payload)) };
  }
  const { statusCode, headers, cookies, body, isBase64Encoded } = result.data;
  return {
    status: statusCode,
    headers: { ...headers, ...(cookies.length > 0 && { 'set-cookie': cookies }) },
    bytes: Buffer.from(body, isBase64Encoded ? 'base64' : 'utf8'),
  };
}
