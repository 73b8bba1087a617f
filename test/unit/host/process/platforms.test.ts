/** Behaviour that differs between systems, as far as it can be tested on one of them. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { recordOf } from '../../../../host/process/process-record.ts';
import { findDynoxide } from '../../../../local/dynamodb/dynoxide.ts';
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
    ['linux', 'riscv64', `run ${cargo}`],
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

describe('a local vault on macOS', () => {
  it('asks ps for the start time of a process, in one time zone and language', () => {
    onlyProgram('ps', 'echo "Ss   $TZ $LC_ALL $*"');
    pretend('darwin');
    const asked = 'UTC0 C -o stat= -o lstart= -p 7';
    expect(recordOf(7)).toEqual({ pid: 7, startTime: asked });
  });

  it('counts a process as gone if ps does not know it', () => {
    onlyProgram('ps', 'exit 1');
    pretend('darwin');
    expect(recordOf(process.pid)).toBeUndefined();
  });
});
