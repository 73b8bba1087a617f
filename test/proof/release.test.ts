/** Makes a release of today's code as docs/releases.md says, in a clone of its own. */
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { commandsBelow } from '../support/console-blocks.ts';
import { freshFolder } from '../support/local-process.ts';

const version = '9.8.7';
const clone = join(freshFolder(), 'clone');
const folder = join(clone, '.local/release', version);

/** Runs a command in the clone, and returns what it printed. Fails if the command fails. */
const inClone = (program: string, ...words: readonly string[]): string =>
  execFileSync(program, words, { cwd: clone, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
const release = (...words: readonly string[]) =>
  spawnSync('npm', ['run', '-s', 'release', '--', ...words], { cwd: clone, encoding: 'utf8' });
const inRelease = (name: string): string => readFileSync(join(folder, name), 'utf8');

/** Commits all files of this checkout in the clone, those that are not committed here included. */
const commitCheckout = (): void => {
  execFileSync('git', ['clone', '-q', '--no-checkout', '.', clone]);
  const named = ['-c', 'user.name=Test', '-c', 'user.email=test@example.com'];
  const words = ['--git-dir', join(clone, '.git'), '--work-tree', '.', ...named];
  execFileSync('git', [...words, 'add', '--all']);
  execFileSync('git', [...words, 'commit', '-q', '--allow-empty', '-m', 'test: take the checkout']);
  inClone('git', 'checkout', '-q', '--force', 'HEAD');
  inClone('git', 'config', 'user.name', 'Test');
  inClone('git', 'config', 'user.email', 'test@example.com');
  symlinkSync(resolve('node_modules'), join(clone, 'node_modules'));
};

/** The commands of the page that come before a heading of their own, with another version. */
const pageCommands = commandsBelow('docs/releases.md', 'Make one').map(({ command }) =>
  command
    .replace(/^VERSION=.*/, `VERSION=${version}`)
    .replaceAll('2.1.0-dev', '9.9.0-dev')
    .replace(' && .ci/run', ''),
);

let printed: string;
beforeAll(() => {
  commitCheckout();
  const changelog = join(clone, 'CHANGELOG.md');
  const text = readFileSync(changelog, 'utf8');
  // Between a release and the next change there is no such section.
  if (!text.includes('\n## Unreleased\n')) {
    writeFileSync(
      changelog,
      text.replace('\n## ', '\n## Unreleased\n\n### Fixed\n\n- A line.\n\n## '),
    );
  }
  const made = pageCommands.findIndex((command) => command.startsWith('npm run release'));
  expect(made).toBeGreaterThan(0);
  printed = inClone('bash', '-ec', pageCommands.slice(0, made + 1).join('\n'));
});
afterAll(() => rmSync(clone, { recursive: true, force: true }));

describe('a release made as docs/releases.md says', () => {
  it('has checksums for all its files', () => {
    const checked = execFileSync('sha256sum', ['--check', '--strict', 'SHA256SUMS'], {
      cwd: folder,
      encoding: 'utf8',
    });
    const names = readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map(({ name }) => name)
      .filter((name) => name !== 'SHA256SUMS');
    expect(checked.trimEnd().split('\n')).toHaveLength(names.length);
    expect(names).toEqual(
      expect.arrayContaining([
        ...[`dsvault-${version}.tgz`, `dsvault-client-${version}.tgz`, 'action.yml'],
        ...['NOTES.md', 'SECURITY.md', 'sbom.cdx.json'],
      ]),
    );
  });

  it('has the same bytes when it is made again', () => {
    const sums = inRelease('SHA256SUMS');
    expect(printed).toContain(sums);
    expect(release('--contact', 'security@example.com').status).toBe(0);
    expect(inRelease('SHA256SUMS')).toBe(sums);
  });

  it('lists in sbom.cdx.json exactly the packages that a server installs', () => {
    const server = freshFolder();
    for (const name of ['package.json', 'package-lock.json', '.npmrc']) {
      cpSync(join(clone, name), join(server, name));
    }
    const words = ['ci', '--silent', '--omit=dev', '--omit=optional', '--ignore-scripts'];
    execFileSync('npm', words, { cwd: server, stdio: 'pipe' });
    const lock = JSON.parse(readFileSync(join(server, 'node_modules/.package-lock.json'), 'utf8'));
    const installed = Object.entries<{ version: string }>(lock.packages).map(
      ([path, one]) => `${path.replace(/^.*node_modules\//, '')}@${one.version}`,
    );
    const bill = JSON.parse(inRelease('sbom.cdx.json'));
    const listed = bill.components.map(
      ({ group, name, version: of }: Record<string, string>) =>
        `${group ? `${group}/` : ''}${name}@${of}`,
    );
    expect(listed.toSorted()).toEqual([...new Set(installed)].sort());
    expect(bill).toMatchObject({
      bomFormat: 'CycloneDX',
      metadata: { component: { name: 'distributed-secrets-vault', version } },
    });
  });

  it('has the section of the changelog as its notes, without links to pages', () => {
    const made = inRelease('NOTES.md');
    expect(made).toMatch(new RegExp(`^## ${version} - \\d{4}-\\d\\d-\\d\\d\n`));
    expect(made).not.toMatch(/^## (?!9)|\]\((?!https:)/m);
  });

  it('names the address for reports of weaknesses only if --contact gives one', () => {
    expect(inRelease('SECURITY.md')).toContain(
      '\n\nReport a weakness to security@example.com, not in a public issue.\n\n',
    );
    expect(release().status).toBe(0);
    expect(inRelease('SECURITY.md')).toBe(readFileSync('SECURITY.md', 'utf8'));
    const refused = release('--contact', 'nobody');
    expect([refused.status, refused.stderr]).toEqual([2, expect.stringContaining('--contact')]);
  });

  it('is refused while a file differs from the commit', () => {
    writeFileSync(join(clone, 'functions/new.ts'), '');
    const refused = release();
    expect([refused.status, refused.stderr]).toEqual([
      1,
      expect.stringContaining('functions/new.ts is not as committed'),
    ]);
    rmSync(join(clone, 'functions/new.ts'));
  });

  it('is refused for a version that the changelog does not date', () => {
    const made = pageCommands.findIndex((command) => command.startsWith('npm run release'));
    inClone('bash', '-ec', pageCommands.slice(made + 1).join('\n'));
    expect(readFileSync(join(clone, 'CHANGELOG.md'), 'utf8')).toMatch(
      new RegExp(`\n## Unreleased\n\n## ${version.replaceAll('.', '\\.')} - `),
    );
    const refused = release();
    expect([refused.status, refused.stderr]).toEqual([
      1,
      expect.stringContaining('CHANGELOG.md has no section 9.9.0-dev with a date'),
    ]);
  });
});
