import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import { freshFolder, runLocal } from '../../../support/local-process.ts';

const file = join(freshFolder(), 'access.yaml');

it.each<[string, string, string[], number, string]>([
  ['with a faulty policy', 'issuers: []', ['bundle', file], 1, 'FILE: line 1: issuers is empty'],
  [
    'with the key of this machine',
    'issuers: [{ id: local, localKey: true }]',
    ['bundle', file],
    1,
    'FILE: line 1: issuers[0].localKey works only for a vault that runs on the machine of its key',
  ],
])('npm run policy refuses to bundle %s, in one sentence', async (_, text, words, code, told) => {
  writeFileSync(file, text);
  const { exit, errors, output } = runLocal('policy', words, {});
  expect([await exit, output, errors]).toEqual([code, [], [told.replace('FILE', file)]]);
});
