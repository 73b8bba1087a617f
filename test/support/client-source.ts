/**
 * Writes the two parts of `client/` that are derived from docs/openapi.yaml: the types in `api.ts`,
 * made by openapi-typescript, and `operations.ts`, what the client must know about each operation
 * at run time. `npm run fix` runs this file.
 *
 * openapi-typescript needs the compiler's old interface, which TypeScript 7 no longer has. So npx
 * runs it with an older compiler, and only if the document has changed: the first line of `api.ts`
 * has the document's digest.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { type Json, type Node, operations, parametersOf, resolved } from './openapi.ts';

export const typesFile = 'client/api.ts';
export const operationsFile = 'client/operations.ts';

export const digestLine = (): string =>
  `// docs/openapi.yaml with SHA-256 ${createHash('sha256').update(readFileSync('docs/openapi.yaml')).digest('hex')}`;

const types = (): string => {
  const packages = ['openapi-typescript@7.13.0', 'typescript@5.9.3'].flatMap((one) => ['-p', one]);
  const flags = ['--default-non-nullable=false'];
  const command = ['--yes', ...packages, 'openapi-typescript', 'docs/openapi.yaml', ...flags];
  return `${digestLine()}\n${execFileSync('npx', command, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] })}`;
};

/** Returns the names of the required properties of a schema, one list for each alternative. */
const requiredOf = (schema: Json | undefined): readonly string[][] => {
  const node = resolved(schema);
  const either = node['oneOf'] as readonly Node[] | undefined;
  if (either && node['required'] === undefined) return either.flatMap(requiredOf);
  const all = (node['allOf'] ?? []) as readonly Node[];
  const own = (node['required'] ?? []) as readonly string[];
  return [[...own, ...all.flatMap((part) => requiredOf(part).flat())]];
};

const jsonOf = (holder: Json | undefined): Json | undefined => {
  const content = (holder as Node | undefined)?.['content'] as Node | undefined;
  return (content?.['application/json'] as Node | undefined)?.['schema'];
};

/** Returns the text of `operations.ts`. The client has only the operations that answer JSON. */
export const operationsSource = (): string => {
  const known = operations.flatMap((operation) => {
    const { operationId, method, path, node } = operation;
    const headers = parametersOf(operation).map((one) => one.node['name']);
    const answers = Object.entries(node['responses'] as Node).filter(([, one]) => jsonOf(one));
    if (answers.length === 0) return [];
    const facts = {
      method,
      path,
      keyed: headers.includes('Idempotency-Key'),
      writes: headers.includes('Idempotency-Key') || method === 'DELETE',
      answers: answers.map(([status]) => Number(status)),
      replies: answers.flatMap(([, one]) => requiredOf(jsonOf(one))),
    };
    return `  ${JSON.stringify(operationId)}: ${JSON.stringify(facts)},`;
  });
  return [
    '/** Generated from docs/openapi.yaml by test/support/client-source.ts. */',
    'export const operations = {',
    ...known,
    '} as const;',
    '',
  ].join('\n');
};

if (process.argv[1]?.endsWith('test/support/client-source.ts')) {
  writeFileSync(operationsFile, operationsSource());
  if (!readFileSync(typesFile, 'utf8').startsWith(`${digestLine()}\n`))
    writeFileSync(typesFile, types());
}
