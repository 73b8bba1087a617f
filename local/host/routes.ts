/** Finds the route of a request, by the paths that template.yaml gives to the functions. */
import type { Route } from './template.ts';

type Found =
  | { readonly route: Route; readonly pathParameters: Readonly<Record<string, string>> | null }
  /** The path exists, with these methods only. */
  | { readonly allow: readonly string[] };

export type FindRoute = (method: string, path: string) => Found | undefined;

const segmentsOf = (path: string): readonly string[] => path.split('/').slice(1);

type Segment = { readonly text: string; readonly parameter: string | undefined };

const patternOf = (path: string): readonly Segment[] =>
  segmentsOf(path).map((text) => ({ text, parameter: /^\{(\w+)\}$/.exec(text)?.[1] }));

/**
 * Returns the parameters of a path as it was sent, not decoded; `undefined` if the path does not match this pattern.
 */
const matchPath = (
  pattern: readonly Segment[],
  sent: readonly string[],
): Readonly<Record<string, string>> | null | undefined => {
  if (pattern.length !== sent.length) return undefined;
  const parameters: Record<string, string> = {};
  for (const [index, { text: expected, parameter }] of pattern.entries()) {
    const text = sent[index] ?? '';
    if (parameter !== undefined && text !== '') parameters[parameter] = text;
    else if (expected !== text) return undefined;
  }
  return Object.keys(parameters).length > 0 ? parameters : null;
};

/**
 * Creates the search for a route. Paths are compared as sent. As on API Gateway, one slash at the end makes no
 * difference.
 */
export const createFindRoute = (routes: readonly Route[]): FindRoute => {
  const patterns = routes.map((route) => ({ route, pattern: patternOf(route.path) }));
  return (method, target) => {
    const sent = segmentsOf(target.replace(/(.)\/$/, '$1'));
    const matches = patterns.flatMap(({ route, pattern }) => {
      const pathParameters = matchPath(pattern, sent);
      return pathParameters === undefined ? [] : [{ route, pathParameters }];
    });
    const match = matches.find(({ route }) => route.method === method);
    if (match !== undefined) return match;
    return matches.length > 0 ? { allow: matches.map(({ route }) => route.method) } : undefined;
  };
};
