import { describe, expect, it } from '@jest/globals';
import type { Principal } from '../../functions/model/types.ts';
import { changedPorts } from '../support/changed-ports.ts';
import { codeOf, refusalOf } from '../support/refusals.ts';
import { requestContext, someone } from '../support/requests.ts';
import { addVersion, makeSecret } from '../support/secrets.ts';
import { callsOfPort } from '../support/test-store.ts';
import { useEmbedded } from '../support/use-embedded.ts';
import { vaultOver, whileDisabled } from '../support/vault.ts';

const vault = useEmbedded();
const began = 1_700_000_000_000;
const explain = (principal: Principal, name = 'DB', asked = {}) =>
  vaultOver(vault.ports).explain(principal, name, {}, asked);

describe('the explanation of a secret', () => {
  it('shows who wrote the current version, when, with which note and under which master key', async () => {
    const alice = someone();
    await makeSecret(vault.ports, alice, 'DB', ['a'], began);
    const bob = { ...alice, subject: 'bob' };
    const { update, delete: remove } = vaultOver(vault.ports);
    await update(bob, 'DB', 'b', { now: began + 1_000, note: 'rotated' });
    expect(await explain(alice)).toMatchObject({
      head: { version: 2, state: 'stored', validFrom: began + 1_000, createdBy: 'bob' },
      masterKey: { state: 'usable', id: vault.keyArn.split('/').at(-1), sealedCurrent: true },
    });
    await remove(bob, 'DB', { now: began + 2_000, note: 'moved' });
    expect((await explain(alice)).head).toMatchObject({
      ...{ version: 3, state: 'deleted', validFrom: began + 2_000, createdBy: 'bob' },
      note: 'moved',
    });
  });

  it('shows neither the secret of another tenant nor a missing one', async () => {
    const [alice, stranger] = [someone(), someone()];
    await makeSecret(vault.ports, alice, 'DB', ['a'], began);
    for (const [who, name] of [
      [stranger, 'DB'],
      [alice, 'NO'],
    ] as const) {
      const { head, readCost } = await explain(who, name);
      expect(head).toBeUndefined();
      expect(readCost).toEqual({ storeCalls: 1, kmsCalls: 0, units: 1 });
    }
  });

  it.each([0, 4_000, 20_000, 65_536])(
    'states the calls and units of a read of %s bytes',
    async (bytes) => {
      const alice = someone();
      await makeSecret(vault.ports, alice, 'DB', [Buffer.alloc(bytes)], began);
      const { readCost, head } = await explain(alice);
      const context = requestContext();
      await vaultOver(vault.ports).get(alice, 'DB', 'latest', { context });
      const { storeCalls, kmsCalls, units } = context.journal;
      expect(readCost).toEqual({
        storeCalls: storeCalls.length,
        kmsCalls: kmsCalls.length,
        units: units(),
      });
      if (head?.state !== 'stored') throw new Error('the secret has no value');
      // Without its value, the item is smaller than a kilobyte.
      const kilobytes = [head.ciphertext.length, head.ciphertext.length + 1_024];
      const [least, most] = kilobytes.map((size) => Math.ceil(size / 4_096));
      expect(readCost.units).toBeGreaterThanOrEqual(least ?? 0);
      expect(readCost.units).toBeLessThanOrEqual(most ?? 0);
    },
  );

  // Shows G7.
  it('answers not_found for a hidden name after the same calls, whether or not the secret exists', async () => {
    const alice = someone();
    await makeSecret(vault.ports, alice, 'DB', ['a'.repeat(20_000)], began);
    const blind = { ...alice, names: ['D', 'DBX', 'X*'] };
    const answers = await Promise.all(
      ['DB', 'NO'].map(async (name) => {
        const context = requestContext();
        const { code, message, properties } = await refusalOf(() =>
          explain(blind, name, { context }),
        );
        const { storeCalls, kmsCalls, units } = context.journal;
        const calls = { storeCalls: callsOfPort(storeCalls), kmsCalls, units: units() };
        return { code, message, properties, ...calls };
      }),
    );
    expect(answers[0]).toEqual(answers[1]);
    const calls = { storeCalls: ['Get'], kmsCalls: ['DescribeKey'], units: 1 };
    expect(answers[0]).toMatchObject({ code: 'not_found', ...calls });
  });

  it('says that a disabled master key is unusable, and still answers not_found for a hidden name', async () => {
    const alice = someone();
    await makeSecret(vault.ports, alice, 'DB', ['a'], began);
    await whileDisabled(vault, async () => {
      const { head, masterKey } = await explain(alice);
      expect(masterKey).toEqual({ state: 'unusable' });
      expect(head?.version).toBe(1);
      expect(await codeOf(() => explain({ ...alice, names: [] }))).toBe('not_found');
    });
  });

  it('still looks up the master key before it fails if the store cannot be reached', async () => {
    const alice = someone();
    await makeSecret(vault.ports, alice, 'DB', ['a'], began);
    let looksAtKey = 0;
    const ports = changedPorts(vault.ports, {
      store: () => ({ findHead: () => Promise.reject(new Error('out of reach')) }),
      dataKeys: ({ probe }) => ({
        probe: async () => {
          const found = await probe();
          looksAtKey += 1;
          return found;
        },
      }),
    });
    for (const names of [undefined, []]) {
      await expect(vaultOver(ports).explain({ ...alice, names }, 'DB')).rejects.toThrow('out of');
    }
    expect(looksAtKey).toBe(2);
  });

  it('shows each update at once', async () => {
    const alice = someone();
    await makeSecret(vault.ports, alice, 'DB', ['a'], began);
    for (const version of [2, 3]) {
      await addVersion(vault.ports, alice, 'DB', 'b', began + version * 1_000);
      expect((await explain(alice)).head?.version).toBe(version);
    }
  });
});
