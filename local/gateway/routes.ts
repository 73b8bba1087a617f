/** Finds the route of a request, by the paths that template.yaml gives to the functions. */
import type { Route } from '../template.ts';

type Found =
  | { readonly route: Route; readonly pathParameters: Readonly<Record<string, string>> | null }
  /** The path exists, with these methods only. */
  | { readonly allow: readonly string[] };

export type FindRoute = (method: string, path: string) => Found | undefined;

const segmentsOf = (path: string): readonly string[] => path.split('/').slice(1);

/** The parameters of `path` as it was sent, not decoded; `undefined` if it is no path of this pattern. */
const matchPath = (pattern: string, path: string): ReadonlyMap<string, string> | undefined => {
  const [expected, sent] = [segmentsOf(pattern), segmentsOf(path)];
  if (expected.length !== sent.length) return undefined;
  const parameters = new Map<string, string>();
  for (const [index, segment] of expected.entries()) {
    const text = sent[index] ?? '';
    const [, parameter] = /^\{(\w+)\}$/.exec(segment) ?? [];
    if (parameter !== undefined && text !== '') parameters.set(parameter, text);
    else if (segment !== text) return undefined;
  }
  return parameters;
};

/** Paths are compared as sent; as on API Gateway, one slash at the end makes no difference. */
export const createFindRoute = (routes: readonly Route[]): FindRoute => {
  return (method, target) => {
    const path = target.replace(/(.)\/$/, '$1');
    const matches = routes.flatMap((route) => {
      const parameters = matchPath(route.path, path);
      return parameters === undefined ? [] : [{ route, parameters }];
    });
    const match = matches.find(({ route }) => route.method === method);
    if (match !== undefined) {
      const { route, parameters } = match;
      return { route, pathParameters: parameters.size > 0 ? Object.fromEntries(parameters) : null };
    }
    return matches.length > 0 ? { allow: matches.map(({ route }) => route.method) } : undefined;
  };
};
