/** Copies over the store under test. test/contract/idempotency.test.ts repeats them with a key. */
import { describe, expect, it } from '@jest/globals';
import type { Principal } from '../../functions/model/types.ts';
import { copySecret } from '../../functions/vault/copy-secret.ts';
import { createKeyedMutex } from '../../functions/vault/keyed-mutex.ts';
import { updateSecret } from '../../functions/vault/update-secret.ts';
import { beforeWrites, changedPorts } from '../support/changed-ports.ts';
import { perRun } from '../support/long.ts';
import { codeOf } from '../support/refusals.ts';
import { requestContext, someone } from '../support/requests.ts';
import { historyOf, makeSecret } from '../support/secrets.ts';
import { askOf, useEmbedded } from '../support/use-embedded.ts';
import { vaultOver, whileDisabled } from '../support/vault.ts';
import { virtualClock } from '../support/virtual-clock.ts';

const vault = useEmbedded();
const ask = askOf(vault);

const began = 1_700_000_000_000;
const key = 'k'.repeat(20);
/** A new caller with these secrets, one version for each value. */
const withSecrets = async (secrets: Readonly<Record<string, readonly string[]>>) => {
  const alice = someone();
  for (const [name, values] of Object.entries(secrets)) {
    await makeSecret(vault.ports, alice, name, values, began);
  }
  return alice;
};
const versionsOf = async (principal: Principal, name: string) => {
  const { versions } = await ask.versions(principal, name, { order: 'asc', includeValues: true });
  return versions.map(({ stored, value }) => (value ? String(Buffer.from(value)) : stored.state));
};
/** A host that runs `work` before its first write. */
const beforeWrite = (work: () => Promise<unknown>) =>
  beforeWrites(vault.ports, async (turn) => turn === 1 && (await work())).ports;

describe('copy-secret', () => {
  it('seals an earlier version again as the next one, even with a note that repeats its value, and logs no value as opened', async () => {
    // The note repeats the value on purpose. A create refuses that; a copy must not, because the
    // refusal would confirm a guess of the value.
    const first = 'long enough to be a guess';
    const alice = await withSecrets({ DB: [first, 'b'] });
    const context = requestContext();
    const copy = await ask.copy(alice, 'DB', { version: 1 }, { context, note: first });
    expect(copy).toMatchObject({
      version: { name: 'DB', version: 3 },
      from: { name: 'DB', version: 1 },
      replayed: false,
    });
    expect(await versionsOf(alice, 'DB')).toEqual([first, 'b', first]);
    const history: readonly object[] = await historyOf(vault.ports, alice, 'DB');
    const [old, , third] = history as readonly Record<string, unknown>[];
    expect(third).toMatchObject({ createdBy: 'alice', note: first });
    for (const part of ['ciphertext', 'wrappedDataKey', 'writeId']) {
      expect(third?.[part]).not.toEqual(old?.[part]);
    }
    const { values, decisions } = context.journal;
    expect(values).toEqual({ opened: [], copied: ['DB@1'], pinned: ['DB@1'] });
    expect(decisions).toMatchObject([{ decision: 'version_written', about: { version: 3 } }]);
  });

  it.each([
    ['the current version of another secret', { name: 'FROM' }, 2, 'y'],
    ['an old version of another secret', { name: 'FROM', version: 1 }, 1, 'x'],
    ['the current version of another secret by its number', { name: 'FROM', version: 2 }, 2, 'y'],
    ['the current version of the secret itself', { version: 2 }, 2, 'b'],
  ])('stores the value of %s', async (_, from, version, value) => {
    const alice = await withSecrets({ DB: ['a', 'b'], FROM: ['x', 'y'] });
    const copy = await ask.copy(alice, 'DB', from);
    expect(copy.from).toEqual({ name: 'DB', ...from, version });
    expect(await versionsOf(alice, 'DB')).toEqual(['a', 'b', value]);
  });

  it('creates a secret, or creates a deleted one again, also from an earlier version of its own', async () => {
    const alice = await withSecrets({ DB: ['a', 'b'] });
    const context = requestContext();
    await ask.copy(alice, 'NEW', { name: 'DB' }, { create: true, context });
    expect(context.journal.decisions).toMatchObject([{ decision: 'created' }]);
    expect(await versionsOf(alice, 'NEW')).toEqual(['b']);
    await ask.delete(alice, 'DB');
    await ask.copy(alice, 'DB', { version: 1 }, { create: true });
    expect(await versionsOf(alice, 'DB')).toEqual(['a', 'b', 'deleted', 'a']);
    const again = ask.copy(alice, 'DB', { version: 2 }, { create: true });
    await expect(again).rejects.toMatchObject({ code: 'secret_exists' });
  });

  it('refuses to create a name hidden from the caller without looking anything up', async () => {
    const alice = { ...(await withSecrets({ DB: ['a'] })), names: ['DB'] };
    const context = requestContext();
    const copied = ask.copy(alice, 'NEW', { name: 'DB' }, { create: true, context });
    await expect(copied).rejects.toMatchObject({ code: 'forbidden' });
    expect([...context.journal.storeCalls, ...context.journal.kmsCalls]).toEqual([]);
  });

  // Shows G9.
  it('reports only the first of several errors, in this order: the secret, If-Match, the source, a destroyed value, the master key', async () => {
    const alice = await withSecrets({ DB: ['a', 'b'], FROM: ['x', 'y'], GONE: ['g'] });
    await ask.destroy(alice, 'FROM', 1);
    await ask.delete(alice, 'GONE');
    const ifMatch = ['9'];
    const [moved, from] = [{ currentVersion: 2 }, { field: 'from' }];
    await whileDisabled(vault, async () => {
      for (const [copied, code, properties] of [
        [ask.copy(alice, 'NO', { name: 'NONE' }, { ifMatch }), 'not_found', {}],
        [ask.copy(alice, 'GONE', { version: 1 }, { ifMatch }), 'not_found', {}],
        [ask.copy(alice, 'DB', { name: 'FROM' }, { create: true }), 'secret_exists', {}],
        [ask.copy(alice, 'DB', { name: 'NO' }, { ifMatch }), 'version_conflict', moved],
        [ask.copy(alice, 'DB', { name: 'NO' }), 'not_found', from],
        [ask.copy(alice, 'DB', { name: 'GONE' }), 'not_found', from],
        [ask.copy(alice, 'DB', { name: 'GONE', version: 2 }), 'not_found', from],
        [ask.copy(alice, 'DB', { version: 3 }), 'not_found', from],
        [ask.copy(alice, 'NO', { name: 'NO' }, { create: true }), 'not_found', from],
        [ask.copy(alice, 'DB', { name: 'FROM', version: 1 }), 'version_destroyed', {}],
        [ask.copy(alice, 'DB', { name: 'FROM' }), 'master_key_unavailable', {}],
      ] as const) {
        await expect(copied).rejects.toMatchObject({ code });
        expect(await copied.catch((error) => error.properties)).toEqual(properties);
      }
    });
    expect(await versionsOf(alice, 'DB')).toEqual(['a', 'b']);
  });

  it('logs why the source is missing, with reasons that apply to a source only', async () => {
    const alice = await withSecrets({ DB: ['a'], GONE: ['g'] });
    await ask.delete(alice, 'GONE');
    const whyOf = (names: Principal['names'], from: { name: string; version?: number }) =>
      ask.copy({ ...alice, names }, 'DB', from).catch(({ forLog }) => forLog.why);
    expect(await whyOf(undefined, { name: 'NO' })).toBe('source_never_existed');
    expect(await whyOf(undefined, { name: 'GONE' })).toBe('source_deleted');
    expect(await whyOf(undefined, { name: 'DB', version: 2 })).toBe('source_beyond_current');
    expect(await whyOf(['DB'], { name: 'GONE' })).toBe('source_hidden');
  });
});

describe('a copy that meets another write', () => {
  it('takes the next free version number, as an update does', async () => {
    const alice = await withSecrets({ DB: ['a'], FROM: ['x'] });
    const ports = beforeWrite(() => ask.update(alice, 'DB', 'of another'));
    const context = requestContext();
    await vaultOver(ports).copy(alice, 'DB', { name: 'FROM' }, { context });
    expect(await versionsOf(alice, 'DB')).toEqual(['a', 'of another', 'x']);
    const { decisions, kmsCalls } = context.journal;
    expect(decisions.map(({ decision }) => decision)).toEqual(['lost_race', 'version_written']);
    expect(kmsCalls).toEqual(['GenerateDataKey', 'Decrypt']);
  });

  it('answers throttled if it loses races until its time is over', async () => {
    const alice = await withSecrets({ DB: ['a', 'b'] });
    const ports = changedPorts(vault.ports, {
      store: () => ({ write: async () => ({ outcome: 'raced' }) }),
    });
    const copied = vaultOver(ports).copy(alice, 'DB', { version: 1 }, { clock: virtualClock() });
    await expect(copied).rejects.toMatchObject({ code: 'throttled' });
  });

  it('answers version_conflict once the version that If-Match names was replaced', async () => {
    const alice = await withSecrets({ DB: ['a'], FROM: ['x'] });
    const ports = beforeWrite(() => ask.update(alice, 'DB', 'of another'));
    const copied = vaultOver(ports).copy(alice, 'DB', { name: 'FROM' }, { ifMatch: ['1'] });
    await expect(copied).rejects.toMatchObject({ code: 'version_conflict' });
  });

  it('answers secret_exists if another request has created the secret', async () => {
    const alice = await withSecrets({ FROM: ['x'] });
    const ports = beforeWrite(() => ask.create(alice, 'DB', 'of another'));
    const copied = vaultOver(ports).copy(alice, 'DB', { name: 'FROM' }, { create: true });
    await expect(copied).rejects.toMatchObject({ code: 'secret_exists' });
    expect(await versionsOf(alice, 'DB')).toEqual(['of another']);
  });

  it("stores the source's value that is current at the moment of the write", async () => {
    const alice = await withSecrets({ DB: ['a'], FROM: ['x'] });
    const ports = beforeWrite(() => ask.update(alice, 'FROM', 'newer'));
    const context = requestContext();
    const { from } = await vaultOver(ports).copy(alice, 'DB', { name: 'FROM' }, { context });
    expect(from).toEqual({ name: 'FROM', version: 2 });
    const { copied, pinned } = context.journal.values;
    expect([copied, pinned]).toEqual([['FROM@1', 'FROM@2'], []]);
    expect(await versionsOf(alice, 'DB')).toEqual(['a', 'newer']);
  });

  it('stores the version whose number was given, even if it is no longer the current one', async () => {
    const alice = await withSecrets({ DB: ['a'], FROM: ['x'] });
    const ports = beforeWrite(() => ask.update(alice, 'FROM', 'newer'));
    await vaultOver(ports).copy(alice, 'DB', { name: 'FROM', version: 1 });
    expect(await versionsOf(alice, 'DB')).toEqual(['a', 'x']);
  });
});

describe('copies and updates of one secret in one process', () => {
  it('wait for each other, so that none loses a race', async () => {
    const alice = await withSecrets({ DB: ['a', 'b'] });
    const mutex = createKeyedMutex();
    const contexts = Array.from({ length: 12 }, () => requestContext());
    const request = { name: 'DB', ifMatch: undefined, fingerprint: undefined };
    const copy = { ...request, from: { name: 'DB', version: 1 }, create: false };
    const update = { ...request, value: Buffer.from('c') };
    await Promise.all(
      contexts.map((context, index) =>
        index % 3 === 0
          ? updateSecret(vault.ports, mutex)(context, alice, update)
          : copySecret(vault.ports, mutex)(context, alice, copy),
      ),
    );
    const decisions = contexts.flatMap(({ journal }) => journal.decisions);
    expect(decisions.filter(({ decision }) => decision === 'lost_race')).toEqual([]);
    expect(await versionsOf(alice, 'DB')).toHaveLength(14);
  });
});

describe('a copy that meets a destruction of its source', () => {
  // Shows G4.
  it.each([
    ['an old version of the secret', {}, async () => {}],
    [
      'the current version, replaced before its destruction',
      { name: 'FROM' },
      async (alice: Principal) => ask.update(alice, 'FROM', 'z'),
    ],
  ])(
    'answers version_destroyed, and does not bring the value back, if the source was %s',
    async (_, more, supersede) => {
      const alice = await withSecrets({ DB: ['a', 'b'], FROM: ['x'] });
      const source = { name: 'DB', ...more };
      const ports = beforeWrite(async () => {
        await supersede(alice);
        await ask.destroy(alice, source.name, 1);
      });
      const copied = vaultOver(ports).copy(alice, 'DB', { ...source, version: 1 });
      await expect(copied).rejects.toMatchObject({ code: 'version_destroyed' });
      expect((await versionsOf(alice, 'DB')).slice(1)).toEqual(['b']);
    },
  );

  // Shows G4.
  it('never stores a value whose destruction was answered before its write began', async () => {
    const rounds = perRun(60, 1_000);
    const alice = await withSecrets({ TO: ['t'] });
    const outcomes = new Map<string, number>();
    for (let round = 0; round < rounds; round += 1) {
      const name = `S${round}`;
      await makeSecret(vault.ports, alice, name, ['old', 'new'], began);
      let [isDestroyed, broughtBack] = [false, false];
      let destroying: Promise<unknown> | undefined;
      const destroyAt = async (step: number) => {
        if (round % 3 !== step) return;
        destroying ??= ask.destroy(alice, name, 1).then(() => {
          isDestroyed = true;
        });
        if (round % 2 === 0) await destroying;
      };
      const ports = changedPorts(vault.ports, {
        store: (store) => ({
          findHeads: async (...asked) => {
            await destroyAt(0);
            return await store.findHeads(...asked);
          },
          findVersion: async (...asked) => {
            const found = await store.findVersion(...asked);
            await destroyAt(1);
            return found;
          },
          write: async (...asked) => {
            await destroyAt(2);
            const wasDestroyed = isDestroyed;
            const result = await store.write(...asked);
            broughtBack ||= wasDestroyed && result.outcome === 'written';
            return result;
          },
        }),
      });
      const copy = vaultOver(ports).copy(alice, 'TO', { name, version: 1 });
      const outcome = await copy.then(
        () => 'copied',
        ({ code }) => code,
      );
      await destroying;
      expect(broughtBack).toBe(false);
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
    }
    expect([...outcomes.keys()].filter((outcome) => outcome !== 'copied')).toEqual([
      'version_destroyed',
    ]);
    const copied = (await historyOf(vault.ports, alice, 'TO')).length - 1;
    expect(copied).toBe(outcomes.get('copied') ?? 0);
  });
});

describe('a repeated copy', () => {
  it('returns the first answer even if the source was destroyed meanwhile', async () => {
    const alice = await withSecrets({ DB: ['a', 'b'] });
    const copy = (ports = vault.ports) =>
      vaultOver(ports).copy(alice, 'DB', { version: 1 }, { key });
    // A host that looks for the record before its duplicate is stored, and then reads the source
    // after it was destroyed.
    const late = changedPorts(vault.ports, {
      store: (store) => ({
        findRecord: async (keyHash, mode) => {
          if (mode === 'settled') return await store.findRecord(keyHash, mode);
          await copy();
          await ask.destroy(alice, 'DB', 1);
          return undefined;
        },
      }),
    });
    for (const ports of [late, vault.ports]) {
      expect(await copy(ports)).toMatchObject({
        version: { version: 3 },
        from: { name: 'DB', version: 1 },
        replayed: true,
      });
    }
  });

  it('fails with integrity_failure if its record names no source', async () => {
    const alice = await withSecrets({ DB: ['a', 'b'] });
    await ask.copy(alice, 'DB', { version: 1 }, { key });
    const ports = changedPorts(vault.ports, {
      store: (store) => ({
        findRecord: async (...asked) => {
          const record = await store.findRecord(...asked);
          return record && { ...record, resolved: [] };
        },
      }),
    });
    const copied = vaultOver(ports).copy(alice, 'DB', { version: 1 }, { key });
    await expect(copied).rejects.toMatchObject({ code: 'integrity_failure' });
  });

  it('answers not_found for a source that is now hidden from the caller, as for a missing one', async () => {
    const alice = await withSecrets({ DB: ['a'], FROM: ['x'] });
    await ask.copy(alice, 'DB', { name: 'FROM' }, { key });
    const blind = { ...alice, names: ['DB'] };
    for (const from of ['FROM', 'NONE']) {
      const copied = ask.copy(blind, 'DB', { name: from }, { key });
      await expect(copied).rejects.toMatchObject({
        code: 'not_found',
        properties: { field: 'from' },
      });
    }
    expect(await codeOf(() => ask.copy(alice, 'DB', { version: 1 }, { key }))).toBe(
      'idempotency_key_reused',
    );
  });
});
