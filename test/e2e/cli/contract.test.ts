/** Compares the client of `dsvault` with docs/openapi.yaml in both directions. */
import { describe, expect, it } from '@jest/globals';
import { operations as known, problem } from '../../../cli/contract.ts';
import { type Json, type Node, operations, parametersOf, resolved } from '../../support/openapi.ts';

/** A later part of an `allOf` narrows the first. */
const schemaIn = (node: Json | undefined): Node => {
  const found = resolved(node);
  const all = found['allOf'] as readonly Node[] | undefined;
  return all?.[0] && found['type'] === undefined ? schemaIn(all[0]) : found;
};

/** A schema of the document in short form: optional properties have a `?`. */
const told = (schema: Json | undefined): Json => {
  const node = schemaIn(schema);
  const either = node['oneOf'] as readonly Node[] | undefined;
  if (either && node['properties'] === undefined) return { either: either.map(told) };
  const alternatives = node['anyOf'] as readonly Node[] | undefined;
  if (alternatives?.[0]) return { orNull: told(alternatives[0]) };
  const types = node['type'];
  if (Array.isArray(types)) return { orNull: told({ ...node, type: types[0] ?? '' }) };
  if (node['type'] === 'array')
    return { each: node['items'] === undefined ? {} : told(node['items']) };
  if (node['properties'] !== undefined) {
    const required = (node['required'] ?? []) as readonly string[];
    const members = Object.entries(node['properties'] as Node).map(([name, member]) => [
      required.includes(name) ? name : `${name}?`,
      told(member),
    ]);
    return Object.fromEntries(members);
  }
  if (node['type'] === 'object') return 'map';
  if (node['enum'] !== undefined || node['const'] !== undefined) return 'string';
  return node['type'] === 'integer' ? 'number' : (node['type'] ?? 'anything');
};

/** A schema of `dsvault` in the same short form. */
type Schema = {
  readonly type: string;
  readonly entries?: Readonly<Record<string, Schema>>;
  readonly wrapped?: Schema;
  readonly item?: Schema;
  readonly options?: readonly Schema[];
};
const toldByDsvault = ({ type, entries, wrapped, item, options }: Schema): Json => {
  if (type === 'union' && options) return { either: options.map(toldByDsvault) };
  if (type === 'nullable' && wrapped) return { orNull: toldByDsvault(wrapped) };
  if (type === 'array' && item) return { each: toldByDsvault(item) };
  if (entries) {
    const members = Object.entries(entries).map(([name, member]) =>
      member.type === 'optional' && member.wrapped
        ? [`${name}?`, toldByDsvault(member.wrapped)]
        : [name, toldByDsvault(member)],
    );
    return Object.fromEntries(members);
  }
  if (type === 'record') return 'map';
  return type === 'picklist' || type === 'literal' ? 'string' : type;
};
const ofDsvault = (schema: unknown): Json => toldByDsvault(schema as Schema);

const jsonOf = (holder: Json | undefined): Json | undefined => {
  const content = (holder as Node | undefined)?.['content'] as Node | undefined;
  return (content?.['application/json'] as Node | undefined)?.['schema'];
};

describe('the client of dsvault', () => {
  it('has every operation of the document and no other', () => {
    expect(Object.keys(known).sort()).toEqual(operations.map((one) => one.operationId).sort());
  });

  it.each(operations)('sends $operationId as the document defines it', (documented) => {
    const { operationId, method, path, node } = documented;
    const operation = known[operationId as keyof typeof known];
    const parameters = parametersOf(documented).map((one) => one.node);
    const namesIn = (place: string) =>
      parameters.filter((one) => one['in'] === place).map((one) => one['name']);
    expect([operation.method, operation.path]).toEqual([method, path]);
    expect(operation.keyed).toBe(namesIn('header').includes('Idempotency-Key'));
    // The options of a JSON request are properties of its body.
    const isEnv = path.startsWith('/v1/env');
    expect([...operation.query].sort()).toEqual(isEnv ? [] : namesIn('query').sort());
    const body = jsonOf(node['requestBody']);
    expect(ofDsvault(operation.body)).toEqual(body === undefined ? 'undefined' : told(body));
  });

  it.each(operations)('decodes every reply of $operationId', ({ operationId, node }) => {
    const operation = known[operationId as keyof typeof known];
    const responses = Object.entries(node['responses'] as { [status: string]: Node });
    const answers = responses.filter(([, response]) => jsonOf(response) !== undefined);
    expect(answers.map(([status]) => Number(status))).toEqual(operation.answers);
    const dated = (shape: Json) => (operationId === 'expand-env' ? withPairs(shape) : shape);
    for (const [, response] of answers) {
      expect(dated(told(jsonOf(response)))).toEqual(ofDsvault(operation.reply));
    }
  });

  it('decodes problems', () => {
    const members = told({ $ref: '#/components/schemas/Problem' }) as Node;
    const understood = ofDsvault(problem) as Node;
    for (const [member, shape] of Object.entries(understood)) {
      const name = member.replace('?', '');
      expect([name, members[name] ?? members[`${name}?`]]).toEqual([name, shape]);
    }
  });
});

/** For `expand` the document says only that `created` is empty. */
const withPairs = (shape: Json): Json => {
  const [answer, unchanged = null] = (shape as { either: readonly Node[] }).either;
  const created = { each: { name: 'string', version: 'number' } };
  return { either: [{ ...answer, created }, unchanged] };
};
