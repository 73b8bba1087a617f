import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { rememberSam } from '../../../../local/containers/running.ts';
import { lockDataFolder } from '../../../../local/host/data-folder.ts';
import { freshFolder, runLocal } from '../../../support/local-process.ts';

const slow = 20_000;
let folder: string;
beforeEach(() => {
  folder = freshFolder();
  mkdirSync(join(folder, 'stack', 'sam'), { recursive: true, mode: 0o700 });
});
afterEach(() => rmSync(folder, { recursive: true }));

/** Runs without Docker, so that nothing is started if the command does not refuse. */
const sam = async () => {
  const env = { VAULT_DATA_DIR: folder, PORT: '0', PATH: '/nowhere' };
  const { exit, output, errors } = runLocal('sam', [], env);
  return { code: await exit, output, errors };
};

describe('a second npm run stack -- sam', () => {
  it(
    'refuses while the first one serves, and says where',
    async () => {
      rememberSam(join(folder, 'stack'), { url: 'http://127.0.0.1:3000' });
      expect(await sam()).toEqual({
        code: 1,
        output: [],
        errors: [
          'npm run stack -- sam serves this vault already, on http://127.0.0.1:3000: stop it, or set VAULT_DATA_DIR to another folder',
        ],
      });
    },
    slow,
  );

  it(
    'refuses while the first one still starts',
    async () => {
      const first = lockDataFolder(join(folder, 'stack', 'sam'));
      const { code, errors } = await sam();
      first.release();
      expect([code, errors]).toEqual([
        1,
        [expect.stringMatching(/^another vault is using the data folder .*\/stack\/sam: stop it/)],
      ]);
    },
    slow,
  );
});
