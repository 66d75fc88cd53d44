import * as z from 'zod';

/** Properties of AWS::ApiGatewayV2::Route. */
export const RouteSchema = z.strictObject({
  ApiId: z.string(),
  RouteKey: z.string().regex(/^(?:\$default|(?:GET|POST|PUT|PATCH|DELETE|HEAD|OPTIONS|ANY) \/\S*)$/),
  Target: z.string().regex(/^integrations\/[\w-]+$/),
  AuthorizationType: z.enum(['NONE', 'JWT']),
  AuthorizerId: z.string().optional(),
  AuthorizationScopes: z.array(z.string()).optional(),
});
export type Route = z.infer<typeof RouteSchema>;

export interface MatchedRoute {
  readonly route: Route;
  /** Decoded. */
  readonly parameters: Readonly<Record<string, string>>;
}

/**
 * The most specific route for a request, as API Gateway chooses: literal parts before parameters, from left to right,
 * and `$default` at last. Null when not even that is there. Throws URIError for a path that can't be decoded.
 */
export function matchRoute(routes: readonly Route[], method: string, path: string): MatchedRoute | null {
  const parts = path.split('/');
  const candidates = routes
    .map((route) => ({ route, pattern: patternOf(route, method) }))
    .filter(({ pattern }) => pattern !== null && fits(pattern, parts))
    .sort((a, b) => (specificity(a.pattern) < specificity(b.pattern) ? -1 : 1));
  const found = candidates[0];
  if (found?.pattern) return { route: found.route, parameters: parametersOf(found.pattern, parts) };
  const rest = routes.find(({ RouteKey }) => RouteKey === '$default');
  return rest ? { route: rest, parameters: {} } : null;
}

/** The parts of a route's path; null when it is for other methods. */
function patternOf({ RouteKey }: Route, method: string): string[] | null {
  const [verb = '', path] = RouteKey.split(' ');
  return path !== undefined && (verb === method || verb === 'ANY') ? path.split('/') : null;
}

const isParameter = (part: string): boolean => part.startsWith('{');

const fits = (pattern: readonly string[] | null, parts: readonly string[]): boolean =>
  pattern?.length === parts.length &&
  pattern.every((part, index) => (isParameter(part) ? parts[index] !== '' : part === parts[index]));

/** Sorts literal parts before parameters. */
const specificity = (pattern: readonly string[] | null): string =>
  (pattern ?? []).map((part) => (isParameter(part) ? '1' : '0')).join('');

const parametersOf = (pattern: readonly string[], parts: readonly string[]): Record<string, string> =>
  Object.fromEntries(
    pattern.flatMap((part, index) =>
      isParameter(part) ? [[part.slice(1, -1), decodeURIComponent(parts[index] ?? '')]] : [],
    ),
  );
