/**
 * Documents, and comments that name files, refer only to files, headings and npm scripts that
 * exist. CHANGELOG.md is about the past and is excluded.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import project from '../../package.json' with { type: 'json' };

const documents = [...globSync('*.md'), ...globSync('docs/**/*.md')].filter(
  (name) => name !== 'CHANGELOG.md',
);
const textOf = (document: string): string => readFileSync(document, 'utf8');
const withoutBlocks = (text: string): string => text.replace(/^ *```.*?^ *```$/gms, '');

/** Headings as links refer to them: lower case, dashes for spaces, no punctuation. */
const anchorsOf = (document: string): string[] =>
  [...withoutBlocks(textOf(document)).matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(' ', '-'),
  );

/** Returns the links to other pages, to headings and to files of the repository. */
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
      /(?<=^|[\s`"(])(?:functions|host|local|cli|client|console|system|action|test|bench|docs)\/[\w*][\w.*/-]*/gm,
    ),
  ].map(([path]) => path.replace(/\.$/, ''));

const scriptsOf = (document: string): string[] =>
  [...textOf(document).matchAll(/\bnpm run (?:-s )?([\w:-]+)/g)].map(([, name = '']) => name);

const trees = '{functions,host,local,cli,console,client,system,action,bench}';
const sources = globSync(`${trees}/**/*.{ts,tsx,js}`).filter((name) => name !== 'client/api.ts');

/**
 * Returns the files named in comments, as they are written: `joining.ts` of the same folder, or
 * node/joining.ts.
 */
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
  it('wraps at column 100, except for an address', () => {
    const code = globSync(`{${trees.slice(1, -1)},test}/**/*.{ts,tsx,js,css,go,sh,py}`, {
      exclude: (name) => name.includes('node_modules'),
    });
    expect(code.length).toBeGreaterThan(900);
    const wide = code
      .filter((source) => source !== 'client/api.ts')
      .flatMap((source) =>
        textOf(source)
          .split('\n')
          .map((line, index) => ({ line, place: `${source}:${index + 1}` })),
      )
      .filter(({ line }) => /^\s*(?:\*|\/\/|\/\*|#)/.test(line) && line.length > 100)
      .filter(({ line }) => !/^\W*https:\S+$/.test(line));
    expect(wide.map(({ place }) => place)).toEqual([]);
  });

  it('names only files of its own folder, or files by a path that exists', () => {
    const missing = sources.flatMap((source) =>
      filesInComments(source)
        .filter((name) => !isFileFrom(source, name))
        .map((name) => `${source}: ${name}`),
    );
    expect(missing).toEqual([]);
  });
});

describe('README.md', () => {
  it('shows in one block how to install, test and start a clone', () => {
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

describe('docs/README.md', () => {
  it('lists every page below docs/', () => {
    const listed = linksOf('docs/README.md').map((link) => join('docs', link));
    const pages = documents.filter((name) => name.startsWith('docs/') && name !== 'docs/README.md');
    expect(pages.filter((page) => !listed.includes(page))).toEqual([]);
  });
});

describe('the guarantees in docs/guarantees.md', () => {
  it('are exactly those named in comments above tests', () => {
    const named = globSync('test/**/*.test.ts')
      .flatMap((file) => [...textOf(file).matchAll(/^ *\/\/ Shows (G\d.*)$/gm)])
      .flatMap(([, ids = '']) => ids.replace(/\.$/, '').split(', '));
    const promised = [...textOf('docs/guarantees.md').matchAll(/^## (G\d+) /gm)].map(
      ([, id]) => id,
    );
    expect(new Set(named)).toEqual(new Set(promised));
  });
});

describe('this check of the documents', () => {
  it('finds a missing page, heading, path or script', () => {
    expect(isBroken('README.md', 'docs/cli.md#settings')).toBe(false);
    expect(isBroken('README.md', 'docs/cli.md#gone')).toBe(true);
    expect(isBroken('docs/cli.md', 'docs/cli.md')).toBe(true);
    expect(pathsOf('README.md')).toContain('docs/openapi.yaml');
    expect(scriptsOf('README.md')).toContain('cluster');
  });
});

it('CONTRIBUTING.md says how many lines a maintainer must know, and of how many, to within a tenth', () => {
  const page = textOf('CONTRIBUTING.md').replaceAll('\n', ' ');
  const [, known = '', all = '', command = ''] =
    /about ([\d,]+) of ([\d,]+) lines, as `([^`]+)` counts them/.exec(page) ?? [];
  for (const [told, folders] of [
    [known, 'functions host/{sqlite,etcd,node,kms,gateway}'],
    [all, trees.slice(1, -1).replaceAll(',', ' ')],
  ] as const) {
    const counted = execFileSync('bash', ['-c', command.replace('FOLDERS', folders)]);
    const ratio = Number(told.replaceAll(',', '')) / Number(counted);
    expect({ told, ratio, isClose: Math.abs(ratio - 1) < 0.1 }).toMatchObject({ isClose: true });
  }
});
