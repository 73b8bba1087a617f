import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import { findProgram, isOnPath } from '../../../system/programs.ts';
import { freshFolder } from '../../support/local-process.ts';

it('findProgram finds a program in a given folder or in the PATH, and nothing that cannot be executed', () => {
  expect(findProgram('sh')).toMatch(/\/sh$/);
  expect([findProgram('no-such-program-here'), isOnPath('no-such-program-here')]).toEqual([
    undefined,
    false,
  ]);
  const folder = freshFolder();
  const file = join(folder, 'found');
  mkdirSync(join(folder, 'folder'));
  writeFileSync(file, '');
  expect(['found', 'folder'].map((name) => findProgram(name, [folder]))).toEqual([
    undefined,
    undefined,
  ]);
  expect([findProgram(file), isOnPath(file)]).toEqual([undefined, true]);
  chmodSync(file, 0o700);
  expect([findProgram('found', [folder]), findProgram(file)]).toEqual([file, file]);
});
