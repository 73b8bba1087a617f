/**
 * The documents name only files, headings and npm scripts that exist, and so do comments with files. CHANGELOG.md
 * tells the past and is left out.
 */
import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import project from '../../package.json' with { type: 'json' };

const documents = [...globSync('*.md'), ...globSync('docs/**/*.md')].filter(
  (name) => name !== 'CHANGELOG.md',
);
const textOf = (document: string): string => readFileSync(document, 'utf8');
const withoutBlocks = (text: string): string => text.replace(/^ *```.*?^ *```$/gms, '');

/** Headings as links name them: lower case, dashes for blanks, no punctuation. */
const anchorsOf = (document: string): string[] =>
  [...withoutBlocks(textOf(document)).matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(' ', '-'),
  );

/** The links to other pages, to headings and to files of the repository. */
const linksOf = (document: string): string[] =>
  [...withoutBlocks(textOf(document)).matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, target = '']) => target)
    .filter((target) => !target.startsWith('http'));

const isBroken = (document: string, link: string): boolean => {
  const [path = '', anchor] = link.split('#');
  const file = path === '' ? document : join(dirname(document), path);
  if (!existsSync(file)) return true;
  return anchor !== undefined && !anchorsOf(file).includes(anchor);
};

const pathsOf = (document: string): string[] =>
  [
    ...textOf(document).matchAll(
      /(?<=^|[\s`"(])(?:functions|local|cli|client|console|system|action|test|bench|docs)\/[\w*][\w.*/-]*/gm,
    ),
  ].map(([path]) => path.replace(/\.$/, ''));

const scriptsOf = (document: string): string[] =>
  [...textOf(document).matchAll(/\bnpm run (?:-s )?([\w:-]+)/g)].map(([, name = '']) => name);

const trees = '{functions,local,cli,console,client,system,action,bench}';
const sources = globSync(`${trees}/**/*.{ts,tsx,js}`).filter((name) => name !== 'client/api.ts');

/** The files in comments, each as it is named: `joining.ts` of the same folder, or node/joining.ts. */
const filesInComments = (source: string): string[] =>
  textOf(source)
    .split('\n')
    .filter((line) => /^\s*(?:\*|\/\/|\/\*\*)/.test(line))
    .flatMap((line) => [...line.matchAll(/(?<![\w./-])[\w-]+(?:\/[\w-]+)*\.tsx?\b/g)])
    .map(([name]) => name);

const isFileFrom = (source: string, name: string): boolean =>
  existsSync(join(dirname(source), name)) || (name.includes('/') && isFileSomewhere(name));

const isFileSomewhere = (name: string): boolean =>
  existsSync(name) || sources.some((source) => source.endsWith(`/${name}`));

describe('a comment', () => {
  it('names only files of its folder, or files by a path that exists', () => {
    const missing = sources.flatMap((source) =>
      filesInComments(source)
        .filter((name) => !isFileFrom(source, name))
        .map((name) => `${source}: ${name}`),
    );
    expect(missing).toEqual([]);
  });
});

describe('README.md', () => {
  it('shows how to install, test and start a clone, in one block', () => {
    const blocks = [...textOf('README.md').matchAll(/^```console\n(.*?)^```$/gms)];
    const commands = blocks.map(([, block = '']) =>
      [...block.matchAll(/^\$ (.*?)(?: +#.*)?$/gm)].map(([, command]) => command),
    );
    expect(commands).toContainEqual(['npm ci', 'npm test', 'npm start']);
  });
});

describe('a document', () => {
  it.each(documents)('links only to pages, headings and files that exist: %s', (document) => {
    expect(linksOf(document).filter((link) => isBroken(document, link))).toEqual([]);
  });

  it.each(documents)('names only paths that exist: %s', (document) => {
    expect(pathsOf(document).filter((path) => globSync(path).length === 0)).toEqual([]);
  });

  it.each(documents)('names only npm scripts that exist: %s', (document) => {
    expect(scriptsOf(document).filter((name) => !(name in project.scripts))).toEqual([]);
  });
});

describe('the check', () => {
  it('finds a missing page, heading, path or script', () => {
    expect(isBroken('README.md', 'docs/cli.md#settings')).toBe(false);
    expect(isBroken('README.md', 'docs/cli.md#gone')).toBe(true);
    expect(isBroken('docs/cli.md', 'docs/cli.md')).toBe(true);
    expect(pathsOf('README.md')).toContain('docs/openapi.yaml');
    expect(scriptsOf('README.md')).toContain('cluster');
  });
});
