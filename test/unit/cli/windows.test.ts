/** The behaviour of `dsvault` on Windows, as far as another system can show it. */
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { ed25519, signToken } from '../../support/issuer.ts';
import { freshFolder } from '../../support/local-process.ts';

const platform = Object.getOwnPropertyDescriptor(process, 'platform') ?? {};

/** Loads a module as a process on Windows with this environment would. */
const loadWith = <Module>(env: NodeJS.ProcessEnv, file: string): Module => {
  jest.replaceProperty(process, 'env', env);
  return jest.requireActual<Module>(file);
};

describe('dsvault on Windows', () => {
  beforeEach(() => {
    jest.resetModules();
    Object.defineProperty(process, 'platform', { ...platform, value: 'win32' });
  });
  afterEach(() => {
    jest.restoreAllMocks();
    Object.defineProperty(process, 'platform', platform);
  });

  it('reads a profile, although its file never has the mode of a private one', () => {
    const { profileFile, readProfile, writeProfile } = loadWith<
      typeof import('../../../cli/requests/profile.ts')
    >({ XDG_CONFIG_HOME: freshFolder() }, '../../../cli/requests/profile.ts');
    writeProfile('default', { addr: 'https://vault.example.com' });
    chmodSync(profileFile('default'), 0o666);
    expect(readProfile('default')).toEqual({ addr: 'https://vault.example.com' });
  });

  /** A folder with a batch file, and a stand-in for cmd.exe that runs `script` if its command line is like `line`. */
  const batchFile = (name: string, line: string, script: string) => {
    const folder = freshFolder();
    for (const file of [name, `${name}.cmd`])
      writeFileSync(join(folder, file), '', { mode: 0o755 });
    const comspec = join(folder, 'cmd.sh');
    writeFileSync(comspec, `#!/bin/sh\ncase "$4" in ${line}) ${script} ;; esac\n`);
    chmodSync(comspec, 0o755);
    return { PATH: folder, PATHEXT: '.exe;.cmd', comspec };
  };

  it('starts a token command that is a batch file by cmd.exe', () => {
    const token = signToken({ alg: 'EdDSA' }, {}, ed25519());
    const { runTokenCommand } = loadWith<typeof import('../../../cli/requests/token-command.ts')>(
      batchFile('aws', '*aws*an-argument*', `echo '${token}'`),
      '../../../cli/requests/token-command.ts',
    );
    expect(runTokenCommand(['aws', 'an-argument'], 'X')).toBe(token);
  });

  it('runs a program that is a batch file by cmd.exe, whatever the PATH of the program', async () => {
    const { runChild } = loadWith<typeof import('../../../cli/run/child-program.ts')>(
      batchFile('npm', '*/npm.cmd*an-argument*', 'exit 7'),
      '../../../cli/run/child-program.ts',
    );
    const child = { command: 'npm', args: ['an-argument'], env: {}, hide: undefined };
    expect((await runChild(child)).code).toBe(7);
  });
});
