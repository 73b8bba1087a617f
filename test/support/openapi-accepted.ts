/** Checks requests that the vault accepted against docs/openapi.yaml, which must allow them. */
import { checkAt, document, type Json, type Operation } from './openapi.ts';

type Node = { readonly [key: string]: Json };

const isNode = (value: Json | undefined): value is Node =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const step = (key: string): string => `/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`;
const pointerOf = ({ path, method }: Operation): string =>
  `/paths${step(path)}/${method.toLowerCase()}`;

/** The query parameters of an operation: the JSON pointer to each schema, and whether it is a number. */
const queryParametersOf = (operation: Operation): ReadonlyMap<string, [string, boolean]> => {
  const list = operation.node['parameters'];
  const found = (Array.isArray(list) ? list : []).map((entry, index): [string, Json] => {
    const reference = isNode(entry) ? entry['$ref'] : undefined;
    if (typeof reference !== 'string') {
      return [`${pointerOf(operation)}/parameters/${index}`, entry];
    }
    const parts = reference.split('/').slice(1);
    const node = parts.reduce<Json | undefined>(
      (at, key) => (isNode(at) ? at[key] : undefined),
      document,
    );
    return [reference.slice(1), node ?? null];
  });
  return new Map(
    found.flatMap(([pointer, node]) => {
      if (!isNode(node) || node['in'] !== 'query') return [];
      const isNumber = isNode(node['schema']) && node['schema']['type'] === 'integer';
      return [[String(node['name']), [`${pointer}/schema`, isNumber]]];
    }),
  );
};

/** One sentence for each part of an accepted request's query or JSON body that the document does not allow. */
export const checkAccepted = (
  operation: Operation,
  target: string,
  json: string | undefined,
): string[] => {
  const known = queryParametersOf(operation);
  const query = new URLSearchParams(target.split('?').slice(1).join('?'));
  // The one route without a token, /health, ignores its query, as the document says.
  if (Array.isArray(operation.node['security'])) return [];
  const violations = [...query].flatMap(([name, value]) => {
    const [schema, isNumber] = known.get(name) ?? [];
    if (schema === undefined) return [`the parameter ${name} was accepted, but is not documented`];
    return checkAt(schema, isNumber ? Number(value) : value).map(
      (violation) => `the parameter ${name} was accepted: ${violation}`,
    );
  });
  if (json === undefined) return violations;
  const schema = `${pointerOf(operation)}/requestBody/content/application~1json/schema`;
  const body = checkAt(schema, JSON.parse(json)).map((one) => `the body was accepted: ${one}`);
  return [...violations, ...body];
};
