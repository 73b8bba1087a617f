/** How `dsvault` behaves on Windows, as far as another system can show it. */
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { ed25519, signToken } from '../../support/issuer.ts';
import { freshFolder } from '../../support/local-process.ts';

const platform = Object.getOwnPropertyDescriptor(process, 'platform') ?? {};

/**
 * Loads a fresh copy of a module with this environment. The platform is set to that of Windows
 * before each test.
 */
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

  it('reads a profile, although files there never have the mode of a private file', () => {
    const { profileFile, readProfile, writeProfile } = loadWith<
      typeof import('../../../cli/requests/profile.ts')
    >({ XDG_CONFIG_HOME: freshFolder() }, '../../../cli/requests/profile.ts');
    writeProfile('default', { addr: 'https://vault.example.com' });
    chmodSync(profileFile('default'), 0o666);
    expect(readProfile('default')).toEqual({ addr: 'https://vault.example.com' });
  });

  /**
   * A folder with a batch file. A stand-in for cmd.exe runs `script` if its command line matches
   * `line`.
   */
  const batchFile = (name: string, line: string, script: string) => {
    const folder = freshFolder();
    for (const file of [name, `${name}.cmd`])
      writeFileSync(join(folder, file), '', { mode: 0o755 });
    const comspec = join(folder, 'cmd.sh');
    writeFileSync(comspec, `#!/bin/sh\ncase "$4" in ${line}) ${script} ;; esac\n`);
    chmodSync(comspec, 0o755);
    return { PATH: folder, PATHEXT: '.exe;.cmd', comspec };
  };

  it('starts a token command that is a batch file through cmd.exe', () => {
    const token = signToken({ alg: 'EdDSA' }, {}, ed25519());
    const { runTokenCommand } = loadWith<typeof import('../../../cli/requests/token-command.ts')>(
      batchFile('aws', '*aws*an-argument*', `echo '${token}'`),
      '../../../cli/requests/token-command.ts',
    );
    expect(runTokenCommand(['aws', 'an-argument'], 'X')).toBe(token);
  });

  it('starts a program that is a batch file through cmd.exe, whatever PATH the program gets', async () => {
    const { runChild } = loadWith<typeof import('../../../cli/run/child-program.ts')>(
      batchFile('npm', '*/npm.cmd*an-argument*', 'exit 7'),
      '../../../cli/run/child-program.ts',
    );
    const child = { command: 'npm', args: ['an-argument'], env: {}, hide: undefined };
    expect((await runChild(child)).code).toBe(7);
  });
});
