import type { PathParameters } from './messages.ts';
import type { Route } from './route.ts';

type Place = Pick<Route, 'method' | 'path'>;

type Match<Of> =
  | { readonly route: Of; readonly parameters: PathParameters }
  /** The path exists, but not for the method of the request. It exists for these. */
  | { readonly allow: readonly string[] };

export type RouteFinder<Of> = (method: string, path: string) => Match<Of> | undefined;

type Segment = { readonly text: string; readonly parameter: string | undefined };

const segmentsOf = (path: string): readonly string[] => path.split('/');

const patternOf = (path: string): readonly Segment[] =>
  segmentsOf(path).map((text) => ({ text, parameter: /^\{(\w+)\}$/.exec(text)?.[1] }));

/** Returns the parameters of a path, not decoded; `undefined` if it does not match the pattern. */
const parametersOf = (
  pattern: readonly Segment[],
  sent: readonly string[],
): PathParameters | undefined => {
  const parameters: Record<string, string> = {};
  for (const [index, { text: expected, parameter }] of pattern.entries()) {
    const text = sent[index] ?? '';
    if (parameter !== undefined && text !== '') parameters[parameter] = text;
    else if (expected !== text) return undefined;
  }
  return parameters;
};

const methodsOf = ({ method }: Place): readonly string[] =>
  method === 'GET' ? ['GET', 'HEAD'] : [method];

/**
 * Creates the search for a route. Paths are compared as they were sent. As on API Gateway, one
 * slash at the end makes no difference. A route for GET also takes HEAD.
 */
export const createFindRoute = <Of extends Place>(routes: readonly Of[]): RouteFinder<Of> => {
  const byLength = Map.groupBy(
    routes.map((route) => ({ route, methods: methodsOf(route), pattern: patternOf(route.path) })),
    ({ pattern }) => pattern.length,
  );
  return (method, path) => {
    const sent = segmentsOf(path.endsWith('/') ? path.slice(0, -1) : path);
    const allow: string[] = [];
    for (const { route, methods, pattern } of byLength.get(sent.length) ?? []) {
      const parameters = parametersOf(pattern, sent);
      if (parameters === undefined) continue;
      if (methods.includes(method)) return { route, parameters };
      allow.push(...methods);
    }
    return allow.length > 0 ? { allow } : undefined;
  };
};
