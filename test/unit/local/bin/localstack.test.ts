import { describe, expect, it } from '@jest/globals';
import { freshFolder, runLocal } from '../../../support/local-process.ts';

const run = async (...args: readonly string[]) => {
  const command = runLocal('localstack', args, { VAULT_DATA_DIR: freshFolder() });
  return { code: await command.exit, errors: command.errors };
};

describe('a command on a LocalStack that does not run', () => {
  it.each([['delete'], ['aws', 'kms', 'list-keys']])(
    'fails in one sentence: %s',
    async (...args) => {
      const sentence = 'no LocalStack runs here: npm run stack -- localstack starts one';
      expect(await run(...args)).toEqual({ code: 1, errors: [sentence] });
    },
  );
});

describe('a wrong command line', () => {
  it.each([['destroy'], ['delete', 'everything']])(
    'fails with a hint at --help: %s',
    async (...args) => {
      const { code, errors } = await run(...args);
      expect([code, errors]).toEqual([
        2,
        [`it does not know "${args.join(' ')}"; --help shows how it is used`],
      ]);
    },
  );
});
