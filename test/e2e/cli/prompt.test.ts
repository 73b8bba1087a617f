/** `dsv` asks a person at a terminal for a value or a token, and does not echo it. */
import { beforeAll, describe, expect, it } from '@jest/globals';
import { type Dsv, openDsv } from '../../support/dsv.ts';
import { freshName, useVault } from '../../support/running-vault.ts';

/** A text in every value of this file. */
const canary = 'c4n4ry';
const vault = useVault();
let dsv: Dsv;
let token: string;
beforeAll(() => {
  token = vault.token();
  dsv = openDsv({ DSV_ADDR: vault.baseUrl(), DSV_TOKEN: token });
});

describe('dsv create --prompt', () => {
  it('prompts at the terminal without an echo', async () => {
    const name = freshName();
    const started = dsv.start(['create', name, '--prompt'], { terminal: true, open: true });
    await started.prints('value: ');
    started.type(`${canary}é\r\u0004`);
    const { code, stdout } = await started.ran;
    expect(code).toBe(0);
    expect(stdout).not.toContain(canary);
    expect((await dsv.run(['get', name])).stdout).toBe(`${canary}é`);
  });

  it('stores nothing if several lines are typed at once, complete or not', async () => {
    for (const rest of [`${canary}2\r`, `${canary}2`]) {
      const name = freshName();
      const started = dsv.start(['create', name, '--prompt'], { terminal: true, open: true });
      await started.prints('value: ');
      started.type(`${canary}1\r${rest}`);
      const { code, stdout } = await started.ran;
      expect([code, stdout]).toEqual([2, expect.stringContaining('several were typed')]);
      expect(stdout).not.toContain(canary);
      expect(await dsv.run(['get', name])).toMatchObject({ code: 3 });
    }
  });

  it('stores nothing if the prompt is answered with Ctrl-C or Ctrl-D', async () => {
    for (const [typed, code] of [
      ['\u0003', 130],
      ['\u0004', 2],
    ] as const) {
      const name = freshName();
      const started = dsv.start(['create', name, '--prompt'], { terminal: true, open: true });
      await started.prints('value: ');
      started.type(`${typed}`);
      expect(await started.ran).toMatchObject({ code });
      expect(await dsv.run(['get', name])).toMatchObject({ code: 3 });
    }
  });
});

describe('dsv login', () => {
  it('prompts for the token at a terminal without an echo', async () => {
    const started = dsv.start(['login', '--profile', 'typed'], { terminal: true, open: true });
    await started.prints('token: ');
    started.type(`${token}\r`);
    const { code, stdout } = await started.ran;
    expect(code).toBe(0);
    expect(stdout).not.toContain(token);
  });
});

describe('a prompt', () => {
  it('shows no value in messages or in the list of processes', () => {
    expect(dsv.seenIn(canary)).toEqual([]);
  });
});
