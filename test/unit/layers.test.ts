/** Every relative import follows an arrow of the diagram in CONTRIBUTING.md. */
import { globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from '@jest/globals';

const diagram =
  /^```text\n(.*?)^```$/ms
    .exec(readFileSync('CONTRIBUTING.md', 'utf8'))?.[1]
    ?.replaceAll(/\n +/g, ' ') ?? '';
const namesIn = (text: string): string[] => text.split(', ').map((name) => name.trim());
const never = namesIn(/^but never +(.*)$/m.exec(diagram)?.[1] ?? '');

/** The layers of each tree, lowest first. */
const layers = new Map(
  [...diagram.matchAll(/^(\w+) +(\w.*←.*)$/gm)].map(([, tree = '', row = '']) => [
    tree,
    row.split('←').map(namesIn),
  ]),
);
/** Which other trees a tree, or part of one, may import from. */
const rows = [...diagram.matchAll(/^([\w/]+) +→ (.*)$/gm)].map(([, from = '', to = '']) => ({
  from: `${from}/`,
  to: namesIn(to).map((name) => `${name}/`),
}));
const sources = `{${[...new Set([...layers.keys(), ...rows.map(({ from }) => from.split('/')[0])])]},client}`;

const treeOf = (file: string): string => file.slice(0, file.indexOf('/'));
const heightOf = (file: string): [part: string, height: number] => {
  const [, name = '', inFolder] = file.split('/');
  const all = layers.get(treeOf(file)) ?? [];
  const isNamed = inFolder !== undefined || all.flat().includes(name);
  const part = isNamed ? name : '*.ts';
  return [part, all.findIndex((layer) => layer.includes(part))];
};

const isAllowed = (from: string, to: string): boolean => {
  if (treeOf(from) !== treeOf(to)) {
    const row = rows.filter((one) => from.startsWith(one.from)).at(-1);
    return row?.to.some((name) => to.startsWith(name)) ?? false;
  }
  if (!layers.has(treeOf(from))) return true;
  const [[part, height], [other, below]] = [heightOf(from), heightOf(to)];
  if (below < 0 || height < 0) return false;
  return part === other || (below < height && !never.includes(`${part} → ${other}`));
};

/** Returns the file, the line and the arrow of each import that the diagram does not allow. */
const wrongImportsOf = (file: string, text: string): readonly string[] =>
  text.split('\n').flatMap((line, index) =>
    [...line.matchAll(/\b(?:from|import) ?\(?'(\.[^']+\.tsx?)'/g)]
      .map(([, specifier = '']) => join(dirname(file), specifier))
      .filter((to) => !isAllowed(file, to))
      .map((to) => `${file}:${index + 1}: → ${to}`),
  );

describe('the diagram of layers in CONTRIBUTING.md', () => {
  it('allows every import in the code', () => {
    const files = globSync(`${sources}/**/*.{ts,tsx}`);
    expect(files.length).toBeGreaterThan(400);
    expect(files.flatMap((file) => wrongImportsOf(file, readFileSync(file, 'utf8')))).toEqual([]);
  });

  it.each([
    ['up to local/', 'host/kms/key-file.ts', '../../local/demo/story.ts'],
    ['up in a tree', 'functions/vault/reads.ts', '../http/requests.ts'],
    ['to a neighbour', 'host/kms/key-file.ts', '../sqlite/rows.ts'],
    ['that the diagram excepts', 'functions/vault/reads.ts', '../access/policy.ts'],
    ['to a tree that its own may not know', 'client/index.ts', '../system/files.ts'],
    ['to a part that only local/pack may know', 'local/bin/pack.ts', '../../cli/program.ts'],
    ['to a folder that the diagram does not have', 'host/bin/node.ts', '../newest/file.ts'],
  ])('does not allow an import %s', (_, file, specifier) => {
    const text = `\nimport { some } from '${specifier}';\nawait import('${specifier}');\n`;
    const to = join(dirname(file), specifier);
    expect(wrongImportsOf(file, text)).toEqual([2, 3].map((line) => `${file}:${line}: → ${to}`));
  });
});
