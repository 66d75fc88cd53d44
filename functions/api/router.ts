import type { Operation } from './operation.ts';
import { notFound, Problem } from './problem.ts';

export const routeKeyOf = ({ method, path }: Pick<Operation, 'method' | 'path'>): string =>
  `${method} ${path}`;

/**
 * Finds operations by the route that API Gateway matched. Another matcher here could choose another operation than the
 * one whose scopes were checked.
 */
export class Router {
  readonly #byRoute: ReadonlyMap<string, Operation>;
  readonly #patterns: readonly { operation: Operation; pattern: RegExp }[];

  constructor(operations: readonly Operation[]) {
    this.#byRoute = new Map(operations.map((operation) => [routeKeyOf(operation), operation]));
    this.#patterns = operations.map((operation) => ({ operation, pattern: patternOf(operation.path) }));
  }

  get(routeKey: string): Operation | undefined {
    return this.#byRoute.get(routeKey);
  }

  /** What a GET of the path would show to anybody. API Gateway has no route for its HEAD, so the parameters are read here. */
  publicGetAt(path: string): { operation: Operation; params: Readonly<Record<string, string>> } | undefined {
    for (const { operation, pattern } of this.#patterns) {
      const match = operation.method === 'GET' && operation.access === 'public' ? pattern.exec(path) : null;
      if (match !== null) return { operation, params: { ...match.groups } };
    }
    return undefined;
  }

  /** The methods that a path has, for a request that matched no route. */
  methodsAt(path: string): string[] {
    const methods = this.#patterns
      .filter(({ pattern }) => pattern.test(path))
      .map(({ operation }) => operation.method);
    const derived = methods.length === 0 ? [] : ['OPTIONS', ...(this.publicGetAt(path) ? ['HEAD'] : [])];
    return [...new Set([...methods, ...derived])].sort();
  }
}

const patternOf = (path: string): RegExp =>
  new RegExp(
    `^${path.replaceAll(/[.*+?^$()|[\]\\]/g, String.raw`\$&`).replaceAll(/\{(\w+)\}/g, '(?<$1>[^/]+)')}$`,
  );

/** What a request gets that matched no route: 405 where another method would have, else 404. */
export function unmatched(router: Router, method: string, path: string): Problem {
  const methods = router.methodsAt(path);
  if (methods.length === 0) return notFound('There is nothing at this path.');
  const allow = methods.join(', ');
  return new Problem(405, 'method_not_allowed', `${method} is not possible here, only ${allow}.`, {
    headers: { allow },
  });
}
