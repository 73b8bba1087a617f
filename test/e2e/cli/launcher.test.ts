/**
 * `cli/dsvault.js` builds the command line of a checkout on the first run, and again after a
 * change.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { delimiter, join, resolve } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import manifest from '../../../package.json' with { type: 'json' };
import { nodesOnPath, oldNodesOnPath, pretendToBe } from '../../support/each-node.ts';
import { freshFolder } from '../../support/local-process.ts';

const checkout = (): string => {
  const folder = freshFolder();
  const parts = [
    'cli',
    'client',
    'system',
    'functions/access',
    'functions/env',
    'functions/model',
    'package.json',
    'package-lock.json',
  ];
  for (const part of parts) cpSync(part, join(folder, part), { recursive: true });
  return folder;
};
const install = (folder: string): void =>
  symlinkSync(resolve('node_modules'), join(folder, 'node_modules'));
const version = (folder: string, env: NodeJS.ProcessEnv = {}) => {
  const { PATH } = process.env;
  return spawnSync(join(folder, 'cli/dsvault.js'), ['version'], {
    env: { PATH, ...env },
    encoding: 'utf8',
  });
};
/** A text that looks like a token. */
const jwt = [{ alg: 'none' }, {}, {}]
  .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
  .join('.');
const built = (folder: string): string[] => readdirSync(join(folder, '.local/cli'));

describe('the launcher of dsvault', () => {
  it('builds the program and the console when first run, and again when package.json has changed', () => {
    const folder = checkout();
    install(folder);
    expect(version(folder).stdout).toMatch(/^dsvault \d/);
    expect(built(folder)).toEqual(['console', 'dsvault.cjs']);
    const manifest = join(folder, 'package.json');
    for (const next of ['7.7.7', '8.8.8']) {
      const text = readFileSync(manifest, 'utf8');
      writeFileSync(manifest, text.replace(/"version": "[^"]*"/, `"version": "${next}"`));
      expect(version(folder).stdout).toContain(`dsvault ${next},`);
    }
    expect(built(folder)).toEqual(['console', 'dsvault.cjs']);
  });

  it('asks git for the commit each time that it prints its version', () => {
    const folder = checkout();
    install(folder);
    expect(version(folder).stdout).toMatch(/^dsvault \S+, commit unknown, Node \S+\n$/);
    const git = (...args: readonly string[]): string => {
      const who = ['-c', 'user.name=a', '-c', 'user.email=a@b'];
      return spawnSync('git', ['-C', folder, ...who, ...args], { encoding: 'utf8' }).stdout.trim();
    };
    git('init', '-q');
    for (const message of ['first', 'second']) {
      git('commit', '-q', '--allow-empty', '-m', message);
      expect(version(folder).stdout).toContain(`, commit ${git('rev-parse', 'HEAD')}, Node `);
    }
  });

  it('says to run npm ci when nothing is installed', () => {
    const ran = version(checkout());
    expect([ran.status, ran.stdout]).toEqual([1, '']);
    expect(ran.stderr).toContain('run npm ci');
  });

  it('says which Node to install, and where npm ci has put one, when its Node is too old', () => {
    const folder = checkout();
    install(folder);
    const { PATH } = process.env;
    const oldest = manifest.engines.node.replace('>=', '');
    const runs = [
      ...['20.20.2', '22.11.0'].map((node) => [node, pretendToBe(node)] as const),
      ...oldNodesOnPath().map(
        ([node, first]) => [node.slice(1), { PATH: `${first}${delimiter}${PATH}` }] as const,
      ),
    ];
    for (const [node, env] of runs) {
      const { status, stdout, stderr } = version(folder, env);
      expect([status, stdout, stderr]).toEqual([
        1,
        '',
        `dsvault: this needs Node ${oldest} or later, and Node ${node} runs it: install Node ${oldest} or later, ` +
          `or put ${folder}/node_modules/.bin first on the PATH, where npm ci has put one\n`,
      ]);
    }
    for (const node of [`${oldest}.0`, '23.0.0']) {
      expect(version(folder, pretendToBe(node)).stdout).toMatch(/^dsvault \d/);
    }
  });

  it('needs only the built file once it is built', () => {
    const folder = checkout();
    install(folder);
    version(folder);
    const bundle = join(freshFolder(), 'dsvault.cjs');
    cpSync(join(folder, '.local/cli/dsvault.cjs'), bundle);
    const ran = spawnSync(process.execPath, [bundle, 'version'], { encoding: 'utf8' });
    expect(ran.stdout).toMatch(/^dsvault \d/);
  });

  it('runs by its path and after npm link, without Node reading --env-file itself', () => {
    const folder = checkout();
    const linked = freshFolder();
    const { PATH, HOME } = process.env;
    spawnSync('npm', ['link'], { cwd: folder, env: { PATH, HOME, npm_config_prefix: linked } });
    install(folder);
    const marker = join(linked, 'obeyed');
    const script = join(linked, 'mark.cjs');
    writeFileSync(script, `require('node:fs').writeFileSync(${JSON.stringify(marker)}, '');`);
    const file = join(linked, 'raw.env');
    writeFileSync(file, `NODE_OPTIONS=--require=${script}\nA=1\n`);
    for (const [, node] of nodesOnPath()) {
      for (const program of [join(folder, 'cli/dsvault.js'), join(linked, 'bin/dsvault')]) {
        for (const flag of ['--env-file', '-f']) {
          const env = {
            PATH: `${node}${delimiter}${PATH}`,
            DSVAULT_TOKEN: jwt,
            DSVAULT_RETRIES: '0',
          };
          const args = ['run', '--addr', 'http://127.0.0.1:9', flag, file, '--', 'true'];
          const ran = spawnSync(program, args, { env, encoding: 'utf8' });
          expect([ran.status, ran.stderr]).toEqual([
            125,
            expect.stringContaining('nothing listens at'),
          ]);
          expect([node, program, flag, existsSync(marker)]).toEqual([node, program, flag, false]);
        }
      }
    }
  });
});
