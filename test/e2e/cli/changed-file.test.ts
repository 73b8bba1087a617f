/** Somebody saves a file while `dsvault` waits for the vault before rewriting it. */
import { appendFileSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { type Dsvault, openDsvault } from '../../support/dsvault.ts';
import { type FaultyFront, startFaultyFront } from '../../support/faulty-front.ts';
import { freshName, useVault } from '../../support/running-vault.ts';

const vault = useVault();
let front: FaultyFront;
let dsvault: Dsvault;
let file: string;
/** A secret that has two versions. */
let stored: string;
/** A name without a secret. */
let fresh: string;
beforeAll(async () => {
  front = await startFaultyFront(vault.baseUrl);
  dsvault = openDsvault({ DSVAULT_ADDR: front.url, DSVAULT_TOKEN: vault.token() });
  file = join(dsvault.folder, '.env');
});
afterAll(() => front.close());
beforeEach(async () => {
  stored = await vault.create('one');
  await vault.ask('PUT', `/v1/secrets/${stored}`, { value: 'two' });
  fresh = freshName();
});

const filled = (text: string) => text.replaceAll('FRESH', fresh).replaceAll('STORED', stored);
const run = (command: string) => dsvault.run(command.split(' '));
/** Runs the command, and appends a line to the file when the vault gets the first request. */
const runAndSave = async (command: string, content: string) => {
  writeFileSync(file, filled(content));
  front.plan(() => appendFileSync(file, 'SAVED=1\n'));
  const ran = await run(command);
  expect(front.seen().length).toBeGreaterThan(0);
  expect(readdirSync(dsvault.folder).filter((name) => name.startsWith('.env'))).toEqual(['.env']);
  return ran;
};
const changed = '.env was changed meanwhile and stays as it is';

describe('a file that is saved while a command waits for the vault', () => {
  it.each([
    ['env expand --in-place .env', 'A=secret(STORED)\n', 'A=two\nSAVED=1\n'],
    ['env expand .env --out .env', 'A=secret(STORED)\n', 'A=two\nSAVED=1\n'],
    ['env encrypt --in-place .env', 'A=secret(STORED)\n', 'A=secret(STORED)\nSAVED=1\n'],
    ['env submit --in-place .env', 'A=secret(STORED)\n', 'A=two\nSAVED=1\n'],
    ['lock .env --out .env', 'A=secret(STORED)\n', 'A=secret(STORED@2)\nSAVED=1\n'],
    ['bump --all -f .env', 'A=secret(STORED@1)\n', 'A=secret(STORED@2)\nSAVED=1\n'],
  ])(
    'stays as it was saved, and the command can be run again: %s',
    async (command, content, after) => {
      const ran = await runAndSave(command, content);
      expect([ran.code, ran.stderr]).toEqual([
        1,
        expect.stringMatching(`dsvault: ${changed}; run the command again \\(failed\\)\n$`),
      ]);
      expect(readFileSync(file, 'utf8')).toBe(filled(`${content}SAVED=1\n`));
      expect(await run(command)).toMatchObject({ code: 0 });
      expect(readFileSync(file, 'utf8')).toBe(filled(after));
    },
  );

  it('has its values stored by adopt, which finishes the file when it runs again', async () => {
    const command = 'env adopt .env --keys FRESH';
    const ran = await runAndSave(filled(command), 'FRESH=v\n');
    expect(ran).toMatchObject({
      code: 1,
      stderr: filled(
        `dsvault: created FRESH\ndsvault: ${changed}; the vault has stored FRESH, so run the command again to put secret() in place (failed)\n`,
      ),
    });
    expect(readFileSync(file, 'utf8')).toBe(filled('FRESH=v\nSAVED=1\n'));
    const { code, stderr } = await run(filled(command));
    expect([code, stderr]).toEqual([
      0,
      expect.stringContaining(filled('these already had the same values: FRESH\n')),
    ]);
    expect(readFileSync(file, 'utf8')).toBe(filled('FRESH=secret(FRESH)\nSAVED=1\n'));
  });

  it.each(['encrypt', 'submit'])(
    'has its values stored by %s, which says what to write into the file',
    async (command) => {
      const ran = await runAndSave(`env ${command} --in-place .env`, 'FRESH=v\nA=enc(FRESH)\n');
      expect(ran).toMatchObject({
        code: 1,
        stderr: filled(
          `dsvault: created FRESH\ndsvault: ${changed}; the vault has stored FRESH, so write secret(NAME) there for enc(NAME) and its value, and run the command again (failed)\n`,
        ),
      });
      expect(readFileSync(file, 'utf8')).toBe(filled('FRESH=v\nA=enc(FRESH)\nSAVED=1\n'));
      writeFileSync(file, filled('FRESH=secret(FRESH)\nA=secret(FRESH)\nSAVED=1\n'));
      expect(await run(`env ${command} --in-place .env`)).toMatchObject({ code: 0 });
      const value = command === 'submit' ? 'v' : 'secret(FRESH)';
      expect(readFileSync(file, 'utf8')).toBe(filled(`FRESH=${value}\nA=${value}\nSAVED=1\n`));
    },
  );
});
