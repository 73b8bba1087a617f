/**
 * The cache of compiled code. Node runs what it finds there, so `dsvault` uses the folder only if
 * no other user can write to it, and works without the cache otherwise.
 */
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  renameSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { nodesOnPath } from '../../support/each-node.ts';
import { freshFolder } from '../../support/local-process.ts';
import { useVault } from '../../support/running-vault.ts';

const vault = useVault();

const program = resolve('cli/dsvault.js');
const { PATH } = process.env;

const dsvault = (env: NodeJS.ProcessEnv, words: readonly string[] = ['version']) =>
  spawnSync(program, words, { env: { PATH, ...env }, cwd: '/', encoding: 'utf8' });
const modeOf = (folder: string): string => (statSync(folder).mode & 0o7777).toString(8);

/** A home, and the folders that `dsvault` creates in it. */
const newHome = (parent = freshFolder()) => {
  const home = join(parent, 'home');
  mkdirSync(home, { mode: 0o755 });
  const caches = join(home, '.cache');
  return { home, caches, own: join(caches, 'dsvault'), code: join(caches, 'dsvault/code') };
};
type Home = ReturnType<typeof newHome>;

/** Creates a home whose cache exists already, and is empty. */
const usedHome = (): Home => {
  const made = newHome();
  for (const folder of [made.caches, made.own, made.code]) mkdirSync(folder, { mode: 0o700 });
  return made;
};

/** Returns what Node keeps in the folder, and requires that `dsvault` works. */
const keptIn = (folder: string, env: NodeJS.ProcessEnv): readonly string[] => {
  const { status, stdout, stderr } = dsvault(env);
  expect([status, stdout, stderr]).toEqual([0, expect.stringMatching(/^dsvault \d/), '']);
  return existsSync(folder) ? readdirSync(folder) : [];
};

/** The environment in which a folder seems to belong to another user than this one and root. */
const ownedByOther = (folder: string) => {
  const script = `
    import fs from 'node:fs';
    import { syncBuiltinESMExports } from 'node:module';
    const { statSync } = fs;
    fs.statSync = (path, ...rest) => {
      const stats = statSync(path, ...rest);
      return path === ${JSON.stringify(folder)} ? Object.assign(stats, { uid: 54_321 }) : stats;
    };
    syncBuiltinESMExports();`;
  return { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(script)}` };
};

describe('the cache of compiled code', () => {
  it('is created for its owner only, and read by the next run, with every Node', () => {
    for (const [version, node] of nodesOnPath()) {
      const { home, caches, own, code } = newHome();
      const env = {
        HOME: home,
        PATH: `${node}:${PATH}`,
        NODE_DEBUG_NATIVE: 'COMPILE_CACHE',
      };
      const accepted = /cli\/dsvault\.cjs was accepted/;
      expect([version, dsvault(env).stderr]).toEqual([
        version,
        expect.not.stringMatching(accepted),
      ]);
      expect([caches, own, code].map(modeOf)).toEqual(['700', '700', '700']);
      expect([version, dsvault(env).stderr]).toEqual([version, expect.stringMatching(accepted)]);
    }
  });

  it('is in XDG_CACHE_HOME if that is an absolute path', () => {
    const { home, caches } = newHome();
    const other = join(home, 'other');
    mkdirSync(other, { mode: 0o755 });
    expect(keptIn(join(other, 'dsvault/code'), { HOME: home, XDG_CACHE_HOME: other })).toHaveLength(
      1,
    );
    expect(existsSync(caches)).toBe(false);
    expect(
      keptIn(join(caches, 'dsvault/code'), { HOME: home, XDG_CACHE_HOME: 'other' }),
    ).toHaveLength(1);
  });

  it.each<{ title: string; change: (home: Home) => void }>([
    {
      title: 'a link leads to another folder of the user',
      change: ({ home, caches }) => {
        mkdirSync(join(home, 'large'), { mode: 0o700 });
        symlinkSync(join(home, 'large'), caches);
      },
    },
    {
      title: 'the home is in a sticky folder',
      change: ({ home }) => chmodSync(join(home, '..'), 0o1777),
    },
  ])('is used if $title', ({ change }) => {
    const made = newHome();
    change(made);
    expect(keptIn(made.code, { HOME: made.home })).toHaveLength(1);
  });

  type Row = {
    readonly title: string;
    readonly change?: (home: Home) => void;
    readonly env?: (home: Home) => NodeJS.ProcessEnv;
  };
  it.each<Row>([
    ...(['caches', 'own', 'code'] as const).flatMap((which): Row[] => [
      {
        title: `a group may write to the folder \`${which}\``,
        change: (made) => chmodSync(made[which], 0o720),
      },
      {
        title: `everybody may write to the folder \`${which}\`, even if it is sticky`,
        change: (made) => chmodSync(made[which], 0o1702),
      },
      {
        title: `another user owns the folder \`${which}\``,
        env: (made) => ownedByOther(made[which]),
      },
    ]),
    {
      title: 'others can open its folder',
      change: ({ code }) => chmodSync(code, 0o755),
    },
    {
      title: 'a link leads to a folder to which others may write',
      change: ({ home, own }) => {
        renameSync(own, join(home, 'open'));
        chmodSync(join(home, 'open'), 0o777);
        symlinkSync(join(home, 'open'), own);
      },
    },
    {
      title: 'everybody may replace the home',
      change: ({ home }) => chmodSync(join(home, '..'), 0o777),
    },
    {
      title: 'another user owns the folder with the home',
      env: ({ home }) => ownedByOther(join(home, '..')),
    },
    { title: 'HOME is empty', env: () => ({ HOME: '' }) },
    { title: 'HOME is missing', env: () => ({ HOME: undefined }) },
    { title: 'HOME is relative', env: ({ home }) => ({ HOME: `.${home}` }) },
  ])('is not used if $title', ({ change, env }) => {
    const made = usedHome();
    change?.(made);
    const all = { HOME: made.home, XDG_CACHE_HOME: made.caches, ...env?.(made) };
    expect(keptIn(made.code, all)).toEqual([]);
  });

  it('is not created in the home of another user, which HOME names under sudo', () => {
    const { home, caches } = newHome();
    expect(keptIn(caches, { HOME: home, ...ownedByOther(home) })).toEqual([]);
    expect(existsSync(caches)).toBe(false);
  });

  it('is not created if the environment names another cache for Node, or disables it', () => {
    for (const name of ['NODE_COMPILE_CACHE', 'NODE_DISABLE_COMPILE_CACHE']) {
      const { home, caches } = newHome();
      expect([name, keptIn(caches, { HOME: home, [name]: join(home, 'node') })]).toEqual([
        name,
        [],
      ]);
      expect([name, existsSync(caches)]).toEqual([name, false]);
    }
  });

  it('is left out if nothing can be created in the home', () => {
    const { home } = newHome();
    for (const HOME of ['/proc', join(home, 'missing')]) {
      expect(keptIn(HOME, { HOME })).not.toContain('.cache');
    }
  });

  it('is not passed on to the program of dsvault run', () => {
    const { home, code } = newHome();
    writeFileSync(join(home, 'plain.env'), 'A=1\n');
    const env = {
      HOME: home,
      DSVAULT_ADDR: vault.baseUrl(),
      DSVAULT_TOKEN: vault.token({ tenant: 'code-cache' }),
    };
    const { status, stdout } = dsvault(env, ['run', '-f', join(home, 'plain.env'), '--', 'env']);
    expect([status, stdout]).toEqual([0, expect.stringContaining('\nA=1\n')]);
    expect(stdout).not.toMatch(/COMPILE_CACHE|\.cache/);
    expect(readdirSync(code)).toHaveLength(1);
  });
});
