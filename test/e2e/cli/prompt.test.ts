/** `dsvault` asks at a terminal for a value or a token without an echo, and for a yes before it destroys. */
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { type Dsvault, openDsvault } from '../../support/dsvault.ts';
import { freshName, useVault } from '../../support/running-vault.ts';

/** A text in every value of this file. */
const canary = 'c4n4ry';
const vault = useVault();
let dsvault: Dsvault;
let token: string;
beforeAll(() => {
  token = vault.token();
  dsvault = openDsvault({ DSVAULT_ADDR: vault.baseUrl(), DSVAULT_TOKEN: token });
});

/** Types at a terminal once `dsvault` shows the prompt. */
const answer = async (
  args: readonly string[],
  prompt: string,
  typed: string,
  from: Dsvault = dsvault,
) => {
  const started = from.start(args, { terminal: true, open: true });
  await started.prints(prompt);
  started.type(typed);
  return await started.ran;
};
const createWith = async (typed: string) => {
  const name = freshName();
  const { code, stdout } = await answer(['create', name, '--prompt'], 'value: ', typed);
  expect(stdout).not.toContain(canary);
  return { code, stdout, stored: await dsvault.run(['get', name]) };
};

describe('dsvault create --prompt', () => {
  it('prompts at the terminal without an echo', async () => {
    const { code, stored } = await createWith(`${canary}é\r\u0004`);
    expect([code, stored.stdout]).toEqual([0, `${canary}é`]);
  });

  it('stores nothing if several lines are typed at once, complete or not', async () => {
    for (const rest of [`${canary}2\r`, `${canary}2`]) {
      const { code, stdout, stored } = await createWith(`${canary}1\r${rest}`);
      expect([code, stdout]).toEqual([2, expect.stringContaining('several were typed')]);
      expect(stored.code).toBe(3);
    }
  });

  it('stores nothing if the prompt is answered with Ctrl-C or Ctrl-D', async () => {
    const [interrupted, ended] = [await createWith('\u0003'), await createWith('\u0004')];
    expect([interrupted.code, ended.code]).toEqual([130, 2]);
    expect([interrupted.stored.code, ended.stored.code]).toEqual([3, 3]);
  });
});

describe('dsvault login', () => {
  it('prompts for the token at a terminal without an echo', async () => {
    const { code, stdout } = await answer(['login', '--profile', 'typed'], 'token: ', `${token}\r`);
    expect(code).toBe(0);
    expect(stdout).not.toContain(token);
  });
});

describe.each([
  ['NAME@1', 'the value of NAME@1', (name: string) => [`${name}@1`]],
  ['NAME --all', '1 value of NAME', (name: string) => [name, '--all']],
])('dsvault destroy %s', (_, what, words) => {
  const destroyAfter = async (typed: string, more: readonly string[] = [], from?: Dsvault) => {
    const name = await vault.create();
    await vault.ask('GET', `/v1/secrets/${name}`);
    await vault.ask('PUT', `/v1/secrets/${name}`, { value: 'v2' });
    const line = ['destroy', ...words(name), ...more];
    const { code, stdout: seen } = await answer(line, 'Type yes', typed, from);
    const stdout = seen.replaceAll(name, 'NAME');
    return { code, stdout, old: (await dsvault.run(['get', name, '--version', '1'])).stdout };
  };

  it('destroys after a yes at the terminal, and says what it will do', async () => {
    const { code, stdout, old } = await destroyAfter('yes\r');
    expect([code, old]).toEqual([0, '']);
    expect(stdout).toContain(`${what} will be gone for ever. Type yes to go on: `);
    expect(stdout).toContain('no log was asked who has read it: --log names log files');
  });

  it('says before who has read which version, by the log that is named or found on this machine', async () => {
    const { dataDir } = vault;
    const env = { DSVAULT_ADDR: vault.baseUrl(), DSVAULT_TOKEN: token, VAULT_DATA_DIR: dataDir };
    const named = await destroyAfter('no\r', ['--log', join(dataDir, 'log')]);
    const found = await destroyAfter('no\r', [], openDsvault(env));
    for (const { stdout } of [named, found]) {
      expect(stdout).toMatch(
        / {2}alice {2}\S+ {2}read 1 {2}last \S+Z {2}current 2 {2}holds an older version\r\n.*the log begins at .*Type yes/s,
      );
    }
  });

  it('destroys nothing after any other answer', async () => {
    const codes = { 'y\r': 1, '\r': 1, 'no\r': 1, '\u0004': 1, '\u0003': 130 };
    for (const [typed, code] of Object.entries(codes)) {
      expect(await destroyAfter(typed)).toMatchObject({ code, old: 'v' });
    }
  });

  it('asks nothing with --yes, and destroys nothing with --curl', async () => {
    const name = await vault.create();
    await vault.ask('PUT', `/v1/secrets/${name}`, { value: 'v2' });
    for (const flag of ['--curl', '--yes']) {
      const old = await dsvault.run(['get', name, '--version', '1']);
      expect(old.stdout).toBe('v');
      const ran = await dsvault.run(['destroy', ...words(name), flag], { terminal: true });
      expect(ran).toMatchObject({ code: 0, stdout: expect.not.stringContaining('Type yes') });
    }
    expect(await dsvault.run(['get', name, '--version', '1'])).toMatchObject({ code: 3 });
  });
});

describe('a prompt', () => {
  it('shows no value in messages or in the list of processes', () => {
    expect(dsvault.seenIn(canary)).toEqual([]);
  });
});
