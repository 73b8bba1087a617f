/** `npm run stack` with its words. It runs without Docker, so that nothing is started if it does not refuse. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { lockDataFolder } from '../../../../local/process/data-folder.ts';
import { rememberSam } from '../../../../local/vaults/vault-records.ts';
import { freshFolder, runLocal } from '../../../support/local-process.ts';

let folder: string;
beforeEach(() => {
  folder = freshFolder();
  mkdirSync(join(folder, 'stack', 'sam'), { recursive: true, mode: 0o700 });
});

const stack = async (...args: readonly string[]) => {
  const env = { VAULT_DATA_DIR: folder, PORT: '0', PATH: '/nowhere' };
  const { exit, output, errors } = runLocal('stack', args, env);
  return { code: await exit, output, errors };
};

describe('a second npm run stack -- sam', () => {
  it('refuses while the first one serves, and says where', async () => {
    rememberSam(join(folder, 'stack'), { url: 'http://127.0.0.1:3000' });
    const sentence =
      'npm run stack -- sam serves this vault already, on http://127.0.0.1:3000: stop it, or set VAULT_DATA_DIR to another folder';
    expect(await stack('sam')).toEqual({ code: 1, output: [], errors: [sentence] });
  });

  it('refuses while the first one still starts', async () => {
    const first = lockDataFolder(join(folder, 'stack', 'sam'));
    const { code, errors } = await stack('sam');
    first.release();
    const sentence = /^another vault is using the data folder .*\/stack\/sam: stop it/;
    expect([code, errors]).toEqual([1, [expect.stringMatching(sentence)]]);
  });
});

describe('npm run stack -- localstack', () => {
  it.each([['delete'], ['aws', 'kms', 'list-keys']])(
    'refuses if no LocalStack runs: %s',
    async (...args) => {
      const sentence = 'no LocalStack runs here: npm run stack -- localstack starts one';
      expect(await stack('localstack', ...args)).toMatchObject({ code: 1, errors: [sentence] });
    },
  );
});

it('npm run stack needs Docker, and says so in one sentence', async () => {
  const sentence = /^no Docker daemon answers \(docker version failed: .*\): start one$/;
  expect(await stack()).toEqual({ code: 1, output: [], errors: [expect.stringMatching(sentence)] });
});
