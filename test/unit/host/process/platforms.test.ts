/** Behaviour that differs between systems, as far as it can be tested on one of them. */
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { requireEtcd } from '../../../../host/node/member.ts';
import { openDataFolder } from '../../../../host/process/data-folder.ts';
import { recordOf } from '../../../../host/process/process-record.ts';
import { endChild, startChild } from '../../../../host/process/supervisor.ts';
import { findDynoxide } from '../../../../local/dynamodb/dynoxide.ts';
import { findProgram } from '../../../../system/programs.ts';
import { freshFolder } from '../../../support/local-process.ts';

const { platform = {}, arch = {} } = Object.getOwnPropertyDescriptors(process);

/** Makes this process believe that it runs on another system. */
const pretend = (name: string, chip = 'x64'): void => {
  Object.defineProperty(process, 'platform', { ...platform, value: name });
  Object.defineProperty(process, 'arch', { ...arch, value: chip });
};
afterEach(() => {
  jest.restoreAllMocks();
  Object.defineProperties(process, { platform, arch });
});

/** Makes a folder with one program in it the whole PATH. */
const onlyProgram = (name: string, script: string): string => {
  const folder = freshFolder();
  writeFileSync(join(folder, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  jest.replaceProperty(process.env, 'PATH', folder);
  return folder;
};

describe('dynoxide, if it is not installed,', () => {
  const cargo = '"cargo install dynoxide-rs --version 1.1.0 --locked"';
  it.each([
    ['linux', 'x64', 'run "npm ci", without --omit=optional'],
    ['linux', 'arm64', `run "npm install --no-save @dynoxide/linux-arm64@1.2.1" or ${cargo}`],
    ['darwin', 'arm64', `run "npm install --no-save @dynoxide/darwin-arm64@1.2.1" or ${cargo}`],
    ['darwin', 'x64', `run "npm install --no-save @dynoxide/darwin-x64@1.2.1" or ${cargo}`],
    ['win32', 'x64', `run "npm install --no-save @dynoxide/win32-x64@1.2.1" or ${cargo}`],
    ['win32', 'arm64', `run ${cargo}`],
  ])(
    'on %s %s is reported in one sentence with the command that installs it',
    (name, chip, command) => {
      const folder = onlyProgram('another-program', '');
      pretend(name, chip);
      expect(() => findDynoxide(folder)).toThrow(
        `dynoxide, which serves DynamoDB's API here, is neither in node_modules nor on the PATH: ${command}, or set ` +
          'AWS_ENDPOINT_URL_DYNAMODB to a DynamoDB that runs already',
      );
    },
  );
});

describe('a local vault on Windows', () => {
  it('accepts a data folder of any mode', () => {
    const folder = freshFolder();
    chmodSync(folder, 0o777);
    expect(() => openDataFolder(folder)).toThrow('is open to other users');
    pretend('win32');
    expect(() => openDataFolder(folder)).not.toThrow();
  });

  it('finds programs by their names with .exe', () => {
    const folder = onlyProgram('etcd.exe', '');
    expect(findProgram('etcd')).toBeUndefined();
    pretend('win32');
    expect(findProgram('etcd')).toBe(join(folder, 'etcd.exe'));
  });

  it('asks PowerShell for the start time of a process, and counts an empty answer as no process', () => {
    const asked = '(Get-Process -Id 7).StartTime.ToFileTimeUtc()';
    onlyProgram('powershell.exe', `[ "$4" = '${asked}' ] && echo 134403225465068110`);
    pretend('win32');
    expect(recordOf(7)).toEqual({ pid: 7, startTime: '134403225465068110' });
    expect(recordOf(8)).toBeUndefined();
    onlyProgram('powershell.exe', 'exit 0');
    expect(recordOf(7)).toBeUndefined();
  });

  it('starts children in its own process group, so that they end with it', async () => {
    const sleeping = () => startChild('/bin/sleep', ['60'], freshFolder());
    const leads = (pid = 0) => {
      try {
        return process.kill(-pid, 0);
      } catch {
        return false;
      }
    };
    const elsewhere = sleeping();
    pretend('win32');
    const onWindows = sleeping();
    expect([leads(elsewhere.pid), leads(onWindows.pid)]).toEqual([true, false]);
    await Promise.all([elsewhere, onWindows].map((child) => endChild(child, 5_000)));
  });

  it('refuses in one sentence to run a node of a cluster', () => {
    onlyProgram('etcd.exe', '');
    pretend('win32');
    expect(requireEtcd).toThrow(/^a node of a cluster does not run on Windows, .*\bin WSL;/);
  });

  it('has exec.cmd as the command exec, because the scripts of package.json begin with exec', () => {
    expect(readFileSync('exec.cmd', 'utf8')).toMatch(/^@%\*\r?$/m);
  });
});

describe('a local vault on macOS', () => {
  it('asks ps for the start time of a process, in one time zone and language', () => {
    onlyProgram('ps', 'echo "    7 Ss   $TZ $LC_ALL $*"');
    pretend('darwin');
    const asked = 'UTC0 C -o pid= -o stat= -o lstart= -p 7';
    expect(recordOf(7)).toEqual({ pid: 7, startTime: asked });
  });

  it('counts a process as gone if ps does not know it', () => {
    onlyProgram('ps', 'exit 1');
    pretend('darwin');
    expect(recordOf(process.pid)).toBeUndefined();
  });
});

it('every script of package.json has a form that cmd.exe also understands', () => {
  const { scripts } = JSON.parse(readFileSync('package.json', 'utf8'));
  const command = /(?!exec )[\w./:-]+(?: [\w./:-]+)*/.source;
  const script = new RegExp(`^(?:exec )?${command}(?: && ${command})*$`);
  expect(Object.values(scripts).filter((one) => !script.test(String(one)))).toEqual([]);
});
