/** The diagram in CONTRIBUTING.md says which imports biome.json refuses, and no others. */
import { type Dirent, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';

type Override = {
  readonly includes: readonly string[];
  readonly linter: {
    readonly rules: {
      readonly style?: {
        readonly noRestrictedImports?: {
          readonly options: { readonly patterns: readonly { readonly group: readonly string[] }[] };
        };
      };
    };
  };
};
const { overrides }: { readonly overrides: readonly Override[] } = JSON.parse(
  readFileSync('biome.json', 'utf8'),
);
const groupsOf = (files: string): readonly (readonly string[])[] =>
  overrides
    .filter(({ includes }) => includes.includes(files))
    .flatMap(({ linter }) => linter.rules.style?.noRestrictedImports?.options.patterns ?? [])
    .map(({ group }) => group);

/** Files that stand for a part of which some folders may import a few files only. */
const samples: Readonly<Record<string, string>> = {
  client: 'client/index.ts',
  cli: 'cli/output/bytes.ts',
  'functions/env': 'functions/env/grammar.ts',
};

/** Whether the pattern names the import: `*` is a name, `**` any path. */
const fits = (pattern: string, specifier: string): boolean => {
  const parts = pattern.split(/(\*\*?)/).map((part) => {
    if (part.startsWith('*')) return part === '**' ? '.*' : '[^/]*';
    return part.replaceAll('.', '\\.');
  });
  return new RegExp(`^${parts.join('')}$`).test(specifier);
};

/** Whether the linter refuses the import in these files. In a group the last pattern that fits decides. */
const isRefused = (files: string, specifier: string): boolean =>
  groupsOf(files).some((group) => {
    const last = group.findLast((pattern) => fits(pattern.replace('!', ''), specifier));
    return last !== undefined && !last.startsWith('!');
  });

const diagram =
  /^```text\n(.*?)^```$/ms
    .exec(readFileSync('CONTRIBUTING.md', 'utf8'))?.[1]
    ?.replaceAll(/\n +/g, ' ') ?? '';
const namesIn = (text: string): string[] => text.split(', ').map((name) => name.trim());
const [, never = ''] = /^but never +(.*)$/m.exec(diagram) ?? [];

/** The trees with layers, the lowest layer first. */
const layered = [...diagram.matchAll(/^(\w+) +(\w.*←.*)$/gm)].map(([, tree = '', layers = '']) => ({
  tree,
  layers: layers.split('←').map(namesIn),
}));
const foldersOf = (tree: string): string[] =>
  layered
    .find((one) => one.tree === tree)
    ?.layers.flat()
    .filter((name) => !name.endsWith('.ts')) ?? [];

/** Each part of a tree, and each other part with whether the diagram lets it be imported. */
const insideTrees = layered.flatMap(({ tree, layers }) =>
  layers.flatMap((layer, height) =>
    layer.map((part) => {
      const others = layers.flat().filter((other) => other !== part);
      const below = layers.slice(0, height).flat();
      const allowed = below.filter((other) => !namesIn(never).includes(`${part} → ${other}`));
      return { tree, part, refused: others.filter((other) => !allowed.includes(other)) };
    }),
  ),
);

describe('the diagram of CONTRIBUTING.md', () => {
  it.each(layered.map(({ tree }) => tree))('names every folder of %s', (tree) => {
    const entries = readdirSync(tree, { withFileTypes: true });
    // A checkout keeps the folders of files that moved, empty.
    const isFolder = (entry: Dirent) =>
      entry.isDirectory() && readdirSync(join(tree, entry.name)).length > 0;
    const folders = entries.filter(isFolder).map(({ name }) => name);
    expect(foldersOf(tree).sort()).toEqual(folders.sort());
  });

  it.each(insideTrees)(
    'names what the linter refuses in $tree: $part',
    ({ tree, part, refused }) => {
      const isFile = part.endsWith('.ts');
      const files = isFile ? `${tree}/${part}` : `${tree}/${part}/**`;
      const from = isFile ? './' : '../';
      const others = insideTrees.flatMap((one) =>
        one.tree === tree && one.part !== part ? [one.part] : [],
      );
      const specifierOf = (other: string) =>
        `${from}${other.endsWith('.ts') ? other.replace('*', 'main') : `${other}/file.ts`}`;
      const found = others.filter((other) => isRefused(files, specifierOf(other)));
      expect(found).toEqual(refused);
    },
  );

  const rows = [...diagram.matchAll(/^([\w/]+) +→ (.*)$/gm)].map(([, tree = '', allowed = '']) => ({
    tree,
    allowed: namesIn(allowed),
  }));
  const trees = [
    'functions',
    'client',
    ...rows.map(({ tree }) => tree).filter((tree) => tree !== 'local/bin'),
  ];
  const files = overrides
    .map(({ includes }) => includes[0] ?? '')
    .filter((name) => groupsOf(name).length > 0);

  it.each(files)('names what the linter refuses of other trees in %s', (file) => {
    const row = rows.findLast(({ tree }) => file.startsWith(`${tree}/`));
    const home = trees.find((tree) => file.startsWith(`${tree}/`));
    const depth = '../'.repeat(file.split('/').length - 1);
    const others = trees
      .filter((tree) => tree !== home)
      .flatMap((tree) =>
        tree === 'functions' ? foldersOf(tree).map((name) => `${tree}/${name}`) : [tree],
      );
    const fileOf = (part: string) => samples[part] ?? `${part}/file.ts`;
    const found = others.filter((part) => !isRefused(file, `${depth}${fileOf(part)}`));
    const allowed = others.filter((part) =>
      row?.allowed.some((name) => `${part}/`.startsWith(`${name}/`)),
    );
    expect(found).toEqual(file === 'local/template.ts' ? ['system'] : allowed);
  });
});
