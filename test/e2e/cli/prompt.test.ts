/**
 * At a terminal, `dsvault` asks for values and tokens without echoing them, and for confirmation
 * before it destroys something.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { type Dsvault, openDsvault } from '../../support/dsvault.ts';
import { freshName, useVault } from '../../support/running-vault.ts';

/** Appears in every value in this file. */
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
/** Types `typed` at the first prompt and, if given, `again` at the second. */
const createWith = async (typed: string, again?: string, more: readonly string[] = []) => {
  const name = freshName();
  const started = dsvault.start(['create', name, ...more], { terminal: true, open: true });
  await started.prints('value: ');
  started.type(typed);
  if (again !== undefined) {
    await started.prints('the same value again: ');
    started.type(again);
  }
  const { code, stdout } = await started.ran;
  expect(stdout).not.toContain(canary);
  return { code, stdout, stored: await dsvault.run(['get', name]) };
};

describe('dsvault create NAME at a terminal', () => {
  it('asks for the value twice without an echo, and stores it', async () => {
    for (const more of [[], ['--prompt']]) {
      const { code, stored } = await createWith(`${canary}é\r`, `${canary}é\r\u0004`, more);
      expect([code, stored.stdout]).toEqual([0, `${canary}é`]);
    }
  });

  it('stores nothing if the two values differ', async () => {
    const { code, stdout, stored } = await createWith(`${canary}1\r`, `${canary}2\r`);
    expect([code, stdout]).toEqual([2, expect.stringContaining('the two values differ')]);
    expect(stored.code).toBe(3);
  });

  it('stores nothing if several lines are typed at once, whether or not the last one is complete', async () => {
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

describe('dsvault env encrypt --prompt', () => {
  it('asks twice for the value of each enc() without one, and stores all without an echo', async () => {
    const [one, two] = [freshName(), freshName()];
    writeFileSync(join(dsvault.folder, 'p.env'), `A="enc(${one}) enc(${two})"\nB=2\n`);
    const command = ['env', 'encrypt', '--in-place', 'p.env', '--prompt'];
    const started = dsvault.start(command, { terminal: true, open: true });
    for (const name of [one, two]) {
      await started.prints(`value of ${name}: `);
      started.type(`${canary}-${name}\r`);
      await started.prints(`the same value of ${name} again: `);
      started.type(`${canary}-${name}\r`);
    }
    const { code, stdout } = await started.ran;
    expect([code, stdout]).toEqual([0, expect.stringContaining(`created ${one}, ${two}`)]);
    expect(stdout).not.toContain(canary);
    for (const name of [one, two]) {
      expect((await dsvault.run(['get', name])).stdout).toBe(`${canary}-${name}`);
    }
  });

  it('stores nothing if one of the values is empty', async () => {
    const name = freshName();
    writeFileSync(join(dsvault.folder, 'p.env'), `A="enc(${name})"\n`);
    const command = ['env', 'encrypt', '--in-place', 'p.env', '--prompt'];
    const started = dsvault.start(command, { terminal: true, open: true });
    await started.prints(`value of ${name}: `);
    started.type('\r');
    await started.prints(' again: ');
    started.type('\r');
    const { code, stdout } = await started.ran;
    expect([code, stdout]).toEqual([2, expect.stringContaining(`the value for ${name} is empty`)]);
    expect(await dsvault.run(['get', name])).toMatchObject({ code: 3 });
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

  it('destroys after a yes at the terminal, and first says what will be gone and that it has no log of who has read it', async () => {
    const { code, stdout, old } = await destroyAfter('yes\r');
    expect([code, old]).toEqual([0, '']);
    expect(stdout).toContain(`${what} will be gone permanently. Type yes to go on: `);
    const noLog = 'this machine has no log that tells who has read NAME: name one with --log FILE';
    expect(stdout).toContain(
      `${noLog}, or ask AWS first with dsvault log holders NAME --aws STACK`,
    );
  });

  it('first says who has read which version, from the log that is named or found on this machine', async () => {
    const { dataDir } = vault;
    const env = { DSVAULT_ADDR: vault.baseUrl(), DSVAULT_TOKEN: token, VAULT_DATA_DIR: dataDir };
    const named = await destroyAfter('no\r', ['--log', join(dataDir, 'log')]);
    const found = await destroyAfter('no\r', [], openDsvault(env));
    for (const { stdout } of [named, found]) {
      expect(stdout).toMatch(
        /^TENANT +SUBJECT .*HOLDS\r\n\S+ +alice +\S+ +1 +\S+Z +- +- +- +2 +an older version\r\n.*the log begins at .*Type yes/ms,
      );
    }
  });

  it('destroys nothing after an answer other than yes', async () => {
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
