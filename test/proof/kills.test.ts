/** `npm start` is killed many times while 16 writers write. Each start has what was acknowledged before. */
import { randomUUID } from 'node:crypto';
import { expect, it, jest } from '@jest/globals';
import { printFigure } from '../support/figure.ts';
import { runLocal } from '../support/local-process.ts';
import { freshName, startVault } from '../support/running-vault.ts';

const writers = 16;
const kills = 100;

jest.setTimeout(900_000);

type Secret = { readonly name: string; version: number; pending: boolean };

// Shows G2, G12.
it('keeps every acknowledged create and update through 100 kills', async () => {
  const vault = await startVault();
  const secrets: Secret[] = [];
  let acknowledged = 0;
  /** Creates and updates secrets until the vault is gone. */
  const write = async (): Promise<void> => {
    for (;;) {
      const secret: Secret = { name: freshName('KILL'), version: 0, pending: false };
      secrets.push(secret);
      for (let version = 1; version <= 3; version += 1) {
        const value = `${secret.name} ${version}`;
        const [method, path, body] =
          version === 1
            ? (['POST', '/v1/secrets', { name: secret.name, value }] as const)
            : (['PUT', `/v1/secrets/${secret.name}`, { value }] as const);
        secret.pending = true;
        const key = { 'Idempotency-Key': randomUUID() };
        // The connection breaks at the kill.
        const reply = await vault.ask(method, path, body, key).catch(() => undefined);
        if (reply === undefined) return;
        expect(reply.status).toBe(version === 1 ? 201 : 200);
        secret.pending = false;
        secret.version = version;
        acknowledged += 1;
      }
    }
  };
  for (let kill = 0; kill < kills; kill += 1) {
    const before = secrets.length;
    const writing = Array.from({ length: writers }, write);
    const until = acknowledged + writers;
    while (acknowledged < until) await new Promise((wake) => setTimeout(wake, 2));
    await vault.kill9();
    await Promise.all(writing);
    await vault.restart();
    for (const { name, version, pending } of secrets.slice(before)) {
      const { status, json } = await vault.ask('GET', `/v1/secrets/${name}`);
      const found = status === 200 ? (json.version ?? 0) : 0;
      // A write that was not acknowledged may have taken effect.
      expect({ name, found: [version, ...(pending ? [version + 1] : [])].includes(found) }).toEqual(
        {
          name,
          found: true,
        },
      );
      if (found > 0) expect(json.value).toBe(`${name} ${found}`);
    }
  }
  const inspected = runLocal('inspect', ['--verify'], { VAULT_DATA_DIR: vault.dataDir });
  expect([await inspected.exit, inspected.output.at(-1)]).toEqual([
    0,
    'verified the whole table: no violations',
  ]);
  await vault.stop();
  printFigure(
    'kills of npm start under 16 writers',
    `${kills}, ${acknowledged} acknowledged writes of ${secrets.length} secrets, none lost`,
  );
});
