/** If something is missing, a script of package.json prints one sentence and no stack trace. */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { freshFolder } from '../../../support/local-process.ts';

let folder: string;
beforeEach(() => {
  folder = freshFolder();
  for (const part of ['local', 'system', 'functions', 'package.json']) {
    cpSync(part, join(folder, part), { recursive: true });
  }
});

const install = (name: string): void => {
  mkdirSync(join(folder, 'node_modules'), { recursive: true });
  symlinkSync(resolve('node_modules', name), join(folder, 'node_modules', name));
};
const launch = (...options: readonly string[]) => {
  const words = ['local/bin/token.ts', '--tenant', 'a', '--sub', 'b'];
  const args = [...options, 'local/bin/launch.js', ...words];
  const env = { PATH: process.env['PATH'] };
  const ran = spawnSync(process.execPath, args, { cwd: folder, env, encoding: 'utf8' });
  return { code: ran.status, stdout: ran.stdout, stderr: ran.stderr };
};

describe('a program of package.json', () => {
  it('asks for npm ci if no packages are installed', () => {
    const stderr = 'the packages are not installed: run npm ci first\n';
    expect(launch()).toEqual({ code: 1, stdout: '', stderr });
  });

  it('says that its Node is too old, and why that one may have been started', () => {
    install('valibot');
    const old = `Object.defineProperty(process, 'versions', { value: { node: '20.20.2' } })`;
    const { code, stdout, stderr } = launch('--import', `data:text/javascript,${old}`);
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(
      /^this needs Node 24 or later, and Node 20\.20\.2 runs it: npm ci .*\n$/,
    );
  });

  it('says which package is missing', () => {
    for (const name of ['valibot', 'commander', '@commander-js']) install(name);
    const stderr =
      'the package jose is not installed: run npm ci, with the development dependencies\n';
    expect(launch()).toEqual({ code: 1, stdout: '', stderr });
  });

  it('sees its own command line if nothing is missing', () => {
    for (const name of ['valibot', 'jose', 'commander', '@commander-js']) install(name);
    const { code, stdout, stderr } = launch();
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(/^[\w-]+\.[\w-]+\.[\w-]+\n$/);
  });

  it('starts by launch.js in every script', () => {
    const { scripts } = JSON.parse(readFileSync('package.json', 'utf8'));
    const programs = Object.values<string>(scripts).filter((script) =>
      /^exec node .*\.ts/.test(script),
    );
    expect(programs.length).toBeGreaterThan(5);
    for (const script of programs)
      expect(script).toMatch(/^exec node local\/bin\/launch\.js \S+\.ts$/);
    expect(scripts.node).toBe('exec node local/bin/launch.js');
  });
});
