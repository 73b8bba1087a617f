/** After kill -9 in the middle of writes and a restart on the same folder, no acknowledged write is lost. */
import { randomUUID } from 'node:crypto';
import { beforeAll, expect, it } from '@jest/globals';
import { runLocal } from '../support/local-process.ts';
import { describeLocal, freshName, useVault } from '../support/running-vault.ts';

const writers = 8;
const rounds = 2;

const vault = useVault();

type Attempt = {
  readonly method: string;
  readonly path: string;
  readonly body: { readonly [member: string]: unknown };
  readonly key: string;
  readonly name: string;
  readonly pair?: string;
  acknowledged?: { readonly status: number; readonly text: string };
};

const create = (name: string): Attempt => {
  const body = { name, value: `of ${name}` };
  return { method: 'POST', path: '/v1/secrets', body, key: randomUUID(), name };
};
const encrypt = (name: string): Attempt => {
  const pair = `${name}_PAIR`;
  const content = `A=enc(${name})\nB=enc(${pair})\n`;
  const body = { content, values: { [name]: `of ${name}`, [pair]: `of ${pair}` } };
  return { method: 'POST', path: '/v1/env/encrypt', body, key: randomUUID(), name, pair };
};
const send = ({ method, path, body, key }: Attempt) =>
  vault.ask(method, path, body, { 'Idempotency-Key': key });

/** Writes until the connection breaks; the last attempt of each writer stays unacknowledged. */
const writeUntilBroken = async (attempts: Attempt[]): Promise<void> => {
  for (let turn = 0; ; turn += 1) {
    const attempt = (turn % 2 === 0 ? create : encrypt)(freshName('CRASH'));
    attempts.push(attempt);
    try {
      const { status, text } = await send(attempt);
      attempt.acknowledged = { status, text };
    } catch {
      return;
    }
  }
};

const crash = async (): Promise<Attempt[]> => {
  const attempts: Attempt[] = [];
  const writing = Array.from({ length: writers }, () => writeUntilBroken(attempts));
  while (attempts.filter(({ acknowledged }) => acknowledged).length < 6 * writers) {
    await new Promise((wake) => setTimeout(wake, 5));
  }
  await vault.kill9();
  await Promise.all(writing);
  await vault.restart();
  return attempts;
};

describeLocal('a vault after kill -9 during writes', () => {
  const attempts: Attempt[] = [];
  const value = (name: string) => vault.ask('GET', `/v1/secrets/${name}`);
  /** The unacknowledged files at the time of the kill. */
  const cutOff = () =>
    attempts.flatMap(({ name, pair, acknowledged }) =>
      acknowledged || pair === undefined ? [] : [{ name, pair }],
    );

  beforeAll(async () => {
    // Do more rounds in the rare case that no file was unacknowledged at the kill.
    for (let round = 0; round < rounds || (cutOff().length === 0 && round < 10); round += 1) {
      attempts.push(...(await crash()));
    }
  });

  // Shows G2.
  it('has every acknowledged write', async () => {
    const acknowledged = attempts.filter((attempt) => attempt.acknowledged);
    expect(acknowledged.length).toBeGreaterThanOrEqual(rounds * 6 * writers);
    for (const { name, pair, acknowledged: reply } of acknowledged) {
      expect([200, 201]).toContain(reply?.status);
      expect((await value(name)).json).toMatchObject({ value: `of ${name}`, version: 1 });
      if (pair) expect((await value(pair)).json.value).toBe(`of ${pair}`);
    }
  });

  // Shows G11.
  it('has all or nothing of every unacknowledged file', async () => {
    expect(cutOff().length).toBeGreaterThan(0);
    for (const { name, pair } of cutOff()) {
      const statuses = [(await value(name)).status, (await value(pair)).status];
      expect([
        [200, 200],
        [404, 404],
      ]).toContainEqual(statuses);
    }
  });

  it('answers a repeated request with its one success', async () => {
    const unacknowledged = attempts.filter((attempt) => !attempt.acknowledged);
    expect(unacknowledged.length).toBeGreaterThanOrEqual(writers);
    for (const attempt of unacknowledged) {
      expect([200, 201]).toContain((await send(attempt)).status);
      const { json } = await value(attempt.name);
      expect(json).toMatchObject({ version: 1, value: `of ${attempt.name}` });
    }
    const acknowledged = attempts.filter((attempt) => attempt.acknowledged).slice(0, writers);
    expect(acknowledged).toHaveLength(writers);
    for (const attempt of acknowledged) {
      const { status, text } = await send(attempt);
      expect({ status, text }).toEqual(attempt.acknowledged);
    }
  });

  // Shows G11.
  it('passes inspect --verify', async () => {
    const inspect = runLocal('inspect', ['--verify'], { VAULT_DATA_DIR: vault.dataDir });
    expect([await inspect.exit, inspect.errors]).toEqual([0, []]);
  });
});
