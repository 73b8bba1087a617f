import { execFileSync } from 'node:child_process';
import { appendFileSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { commitOf } from '../../../system/commit.ts';
import { freshFolder } from '../../support/local-process.ts';

const kept = { ...process.env };
afterEach(() => {
  for (const name of ['PATH', 'GIT_DIR', 'GIT_TEST_ASSUME_DIFFERENT_OWNER']) {
    if (kept[name] === undefined) delete process.env[name];
    else process.env[name] = kept[name];
  }
});

const git = (folder: string, ...args: readonly string[]): string => {
  const who = ['-c', 'user.name=a', '-c', 'user.email=a@b'];
  const { GIT_TEST_ASSUME_DIFFERENT_OWNER } = process.env;
  const own = { PATH: kept['PATH'], HOME: folder, GIT_CONFIG_NOSYSTEM: '1' };
  const env = { ...own, GIT_TEST_ASSUME_DIFFERENT_OWNER };
  const all = ['-C', folder, ...who, ...args];
  return execFileSync('git', all, { env, encoding: 'utf8', stdio: 'pipe' }).trim();
};
const checkout = (message: string): { readonly folder: string; readonly commit: string } => {
  const folder = freshFolder();
  git(folder, 'init', '-q');
  git(folder, 'commit', '-q', '--allow-empty', '-m', message);
  return { folder, commit: git(folder, 'rev-parse', 'HEAD') };
};

let one: ReturnType<typeof checkout>;
beforeAll(() => {
  one = checkout('one');
});

describe('the commit of a folder', () => {
  it('is the one that is checked out, on a branch, detached, and in a work tree beside it', () => {
    const { folder, commit } = checkout('first');
    expect(commit).toMatch(/^[0-9a-f]{40}$/);
    expect(commitOf(folder)).toBe(commit);
    git(folder, 'commit', '-q', '--allow-empty', '-m', 'second');
    expect(commitOf(folder)).toBe(git(folder, 'rev-parse', 'HEAD'));
    git(folder, 'checkout', '-q', '--detach', commit);
    expect(commitOf(folder)).toBe(commit);
    const beside = join(freshFolder(), 'beside');
    git(folder, 'worktree', 'add', '-q', beside);
    expect(commitOf(beside)).toBe(commit);
  });

  it('is null without a commit, without a repository, and without git', () => {
    const folder = freshFolder();
    expect(commitOf(folder)).toBeNull();
    git(folder, 'init', '-q');
    expect(commitOf(folder)).toBeNull();
    process.env['PATH'] = folder;
    expect(commitOf(one.folder)).toBeNull();
  });

  it.each<[string, (folder: string) => unknown]>([
    ['was unpacked from an archive', () => undefined],
    ['has an empty .git', (folder) => mkdirSync(join(folder, '.git'))],
  ])('is null for a folder inside another repository that %s', (_, prepare) => {
    const inside = join(checkout('around').folder, 'inside');
    mkdirSync(inside);
    prepare(inside);
    expect(commitOf(inside)).toBeNull();
  });

  it('does not depend on the repository in GIT_DIR, which git sets for its hooks', () => {
    process.env['GIT_DIR'] = join(checkout('other').folder, '.git');
    expect(commitOf(one.folder)).toBe(one.commit);
    expect(commitOf(freshFolder())).toBeNull();
  });

  it('is known to another user than the owner of the checkout', () => {
    process.env['GIT_TEST_ASSUME_DIFFERENT_OWNER'] = '1';
    expect(() => git(one.folder, 'rev-parse', 'HEAD')).toThrow('dubious ownership');
    expect(commitOf(one.folder)).toBe(one.commit);
  });

  it('is found without running a program that the repository configures', () => {
    const { folder, commit } = checkout('trapped');
    const [trap, ran] = [join(folder, 'trap'), join(folder, 'ran')];
    writeFileSync(trap, `#!/bin/sh\ntouch '${ran}'\nexit 1\n`, { mode: 0o755 });
    const settings = ['fsmonitor', 'pager', 'editor', 'sshCommand', 'alternateRefsCommand'];
    const aliases = `[alias]\nrev-parse = !${trap}\n[pager]\nrev-parse = ${trap}\n`;
    const core = settings.map((name) => `${name} = ${trap}\n`).join('');
    appendFileSync(join(folder, '.git/config'), `[core]\n${core}${aliases}`);
    expect(commitOf(folder)).toBe(commit);
    expect(existsSync(ran)).toBe(false);
    execFileSync('git', ['-C', folder, 'status'], { stdio: 'ignore' });
    expect(existsSync(ran)).toBe(true);
  });
});
