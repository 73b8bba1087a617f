/**
 * `findOldCopies` and the scan of commits in repositories that an attacker has made. Their
 * configuration names a program, the trap, wherever git allows one.
 */
import { execFileSync } from 'node:child_process';
import { appendFileSync, cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { findOldCopies } from '../../../cli/files/old-copies.ts';
import { type Content, contentsOfCommits } from '../../../cli/scan/contents.ts';
import { findProgram } from '../../../system/programs.ts';
import { freshFolder } from '../../support/local-process.ts';

let base: string;
let trap: string;
/** The file that the trap writes to when it runs. */
let ran: string;
let folder: string;
let file: string;

const git = (args: readonly string[], input = ''): string => {
  const env = { PATH: process.env['PATH'], HOME: base, GIT_CONFIG_NOSYSTEM: '1' };
  return execFileSync('git', ['-C', folder, ...args], { env, input, stdio: 'pipe' }).toString();
};
/** Runs `git log` in the folder without any precaution. It may fail, because the trap fails. */
const runLog = (): void => {
  try {
    git(['log', '-1', '--format=%h', '--', '.env']);
  } catch {
    // git cannot continue after the trap.
  }
};

const settings = () => `
[core]
  fsmonitor = ${trap}
  hooksPath = ${join(base, 'hooks')}
  sshCommand = ${trap}
  gitProxy = ${trap}
  askPass = ${trap}
  pager = ${trap}
  editor = ${trap}
  alternateRefsCommand = ${trap}
[credential]
  helper = ${trap}
[gpg]
  program = ${trap}
[log]
  showSignature = true
[diff]
  external = ${trap}
[diff "x"]
  textconv = ${trap}
[filter "x"]
  clean = ${trap}
  smudge = ${trap}
[pager]
  rev-list = ${trap}
  log = ${trap}
[alias]
  rev-list = !${trap}
  log = !${trap}
[protocol]
  allow = always
[protocol "ext"]
  allow = always
`;
const addSettings = (configuration: string): void => appendFileSync(configuration, settings());

beforeAll(() => {
  base = freshFolder();
  [trap, ran, folder] = [join(base, 'trap'), join(base, 'ran'), join(base, 'source')];
  writeFileSync(trap, `#!/bin/sh\necho "$0 $*" >> '${ran}'\nexit 1\n`, { mode: 0o755 });
  mkdirSync(join(base, 'hooks'));
  for (const hook of [
    'reference-transaction',
    'post-index-change',
    'post-checkout',
    'pre-auto-gc',
  ]) {
    cpSync(trap, join(base, 'hooks', hook));
  }
  mkdirSync(folder);
  git(['init', '-q']);
  git(['config', 'uploadpack.allowFilter', 'true']);
  writeFileSync(join(folder, '.env'), 'A=1\n');
  writeFileSync(join(folder, '.gitattributes'), '* diff=x filter=x\n');
  git(['add', '.']);
  const tree = git(['write-tree']).trim();
  const commit = [
    `tree ${tree}`,
    ...['author', 'committer'].map((role) => `${role} a <a@b> 1780000000 +0000`),
    'gpgsig -----BEGIN PGP SIGNATURE-----\n x\n -----END PGP SIGNATURE-----',
    '\nx\n',
  ].join('\n');
  const hash = git(['hash-object', '-t', 'commit', '-w', '--stdin'], commit).trim();
  git(['update-ref', 'HEAD', hash]);
});
beforeEach(() => {
  writeFileSync(ran, '');
});
const open = (name: string) => {
  folder = join(base, name);
  file = join(folder, '.env');
};
const hasRun = () => readFileSync(ran, 'utf8') !== '';
const inHistory = () => [`the history of git holds ${file}: change the values that it holds`];

const scanned = async (): Promise<readonly (readonly [string | undefined, string])[]> => {
  const contents: Content[] = [];
  for await (const content of contentsOfCommits('--all', folder)) contents.push(content);
  return contents.map(({ path, bytes }) => [path, String(bytes)]);
};

describe('the search for old copies in a repository whose configuration names programs', () => {
  it('finds the copies without running any of the programs, and so does the scan of commits', async () => {
    cpSync(join(base, 'source'), join(base, 'plain'), { recursive: true });
    open('plain');
    addSettings(join(folder, '.git/config'));
    runLog();
    expect(hasRun()).toBe(true);
    writeFileSync(ran, '');
    expect(findOldCopies(file)).toEqual(inHistory());
    expect(await scanned()).toContainEqual(['.env', 'A=1\n']);
    expect(hasRun()).toBe(false);
  });

  it('does not open a bare repository, which may be a folder inside another repository', async () => {
    cpSync(join(base, 'source/.git'), join(base, 'bare'), { recursive: true });
    open('bare');
    git(['config', 'core.bare', 'true']);
    expect(git(['log', '-1', '--format=%h', '--', '.env'])).not.toBe('');
    addSettings(join(folder, 'config'));
    expect(findOldCopies(file)).toEqual([]);
    await expect(scanned()).rejects.toThrow('git cannot list this range here');
    expect(hasRun()).toBe(false);
  });

  it.each([
    ['core.sshCommand', { url: 'ssh://127.0.0.1/x' }],
    ['core.gitProxy', { url: 'git://127.0.0.1/x' }],
    ['remote.NAME.uploadpack', { uploadpack: 'TRAP' }],
    ['remote.NAME.url', { url: 'ext::TRAP' }],
  ])('fetches no missing object, and so runs no program from %s', async (name, remote) => {
    open('source');
    const clone = ['clone', '-q', '--no-local', '--no-checkout', '--filter=tree:0'];
    git([...clone, `file://${folder}`, join(base, name)]);
    open(name);
    addSettings(join(folder, '.git/config'));
    git(['config', 'log.showSignature', 'false']);
    for (const [key, value] of Object.entries(remote)) {
      git(['config', `remote.origin.${key}`, value.replace('TRAP', trap)]);
    }
    runLog();
    expect(hasRun()).toBe(true);
    writeFileSync(ran, '');
    expect(findOldCopies(file)).toEqual([]);
    const [, ...missing] = await scanned();
    expect(missing).toEqual([[expect.stringMatching(/^\?\w+ missing$/), 'unreadable']]);
    expect(hasRun()).toBe(false);
  });
});

describe('git, as dsvault runs it,', () => {
  it("gets none of dsvault's variables, and of git's own only the one that forbids every protocol", () => {
    open('source');
    const real = findProgram('git');
    const path = join(base, 'path');
    mkdirSync(path);
    const seen = join(base, 'seen');
    writeFileSync(join(path, 'git'), `#!/bin/sh\nenv > '${seen}'\nexec '${real}' "$@"\n`, {
      mode: 0o755,
    });
    const before = { ...process.env };
    try {
      Object.assign(process.env, {
        PATH: `${path}:${before['PATH']}`,
        DSVAULT_TOKEN: 'c4n4ry',
        DSVAULT_ADDR: 'http://127.0.0.1:1',
        GIT_DIR: base,
        GIT_SSH_COMMAND: trap,
      });
      expect(findOldCopies(file)).toEqual(inHistory());
    } finally {
      for (const name of Object.keys(process.env)) if (!(name in before)) delete process.env[name];
      Object.assign(process.env, before);
    }
    const names = readFileSync(seen, 'utf8').match(/^(?:GIT|DSVAULT)_.*$/gm);
    expect(names).toEqual(['GIT_ALLOW_PROTOCOL=']);
  });

  it('takes the name of the file literally', () => {
    open('source');
    expect(findOldCopies(join(folder, ':(glob)*'))).toEqual([]);
  });
});
