import { DisableKeyCommand, EnableKeyCommand } from '@aws-sdk/client-kms';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { fingerprint } from '../../functions/crypto/fingerprint.ts';
import { VaultError } from '../../functions/model/errors.ts';
import type { Principal } from '../../functions/model/types.ts';
import { createSecret } from '../../functions/vault/create-secret.ts';
import { listVersions } from '../../functions/vault/list-versions.ts';
import type { Store } from '../../functions/vault/ports.ts';
import type { Ports } from '../../functions/vault/request.ts';
import { updateSecret } from '../../functions/vault/update-secret.ts';
import { changedPorts } from '../support/changed-ports.ts';
import { type Embedded, startEmbedded } from '../support/embedded.ts';
import { bytes, requestContext, someone } from '../support/requests.ts';

type Options = { key?: string; ifMatch?: '*' | readonly number[]; now?: number; ports?: Ports };

describe('update-secret, on the embedded store and KMS', () => {
  let vault: Embedded;
  beforeAll(async () => {
    vault = await startEmbedded();
  });
  afterAll(() => vault.close());

  const create = async (principal: Principal, name: string, now?: number) => {
    const request = { name, value: bytes('first'), fingerprint: undefined };
    const context = requestContext(now === undefined ? {} : { now });
    await createSecret(vault.ports)(context, principal, request);
  };
  const update = (principal: Principal, name: string, value: string, options: Options = {}) => {
    const { key, ifMatch, now, ports = vault.ports } = options;
    const content = ['update-secret', name, value, ifMatch?.toString()];
    return updateSecret(ports)(requestContext(now === undefined ? {} : { now }), principal, {
      name,
      value: bytes(value),
      ifMatch,
      fingerprint: key ? fingerprint(key, principal, content) : undefined,
    });
  };
  const history = async (principal: Principal, name: string) => {
    const request = { name, order: 'asc', limit: 100, after: undefined } as const;
    const page = await listVersions(vault.ports)(requestContext(), principal, {
      ...request,
      includeValues: false,
    });
    return page.versions.map(({ stored }) => stored);
  };

  it('writes a new version and ends the old interval where the new one begins', async () => {
    const alice = someone();
    await create(alice, 'DB', 1_700_000_000_000);
    const { version } = await update(alice, 'DB', 'second', { now: 1_700_000_001_000 });
    expect(version).toMatchObject({ version: 2, validFrom: 1_700_000_001_000 });
    expect(
      (await history(alice, 'DB')).map(({ validFrom, validTo }) => [validFrom, validTo]),
    ).toEqual([
      [1_700_000_000_000, 1_700_000_001_000],
      [1_700_000_001_000, undefined],
    ]);
  });

  // Shows G4.
  it('keeps the sealed bytes of a superseded version', async () => {
    const alice = someone();
    await create(alice, 'DB');
    const [before] = await history(alice, 'DB');
    await update(alice, 'DB', 'second');
    const [after] = await history(alice, 'DB');
    expect({ ...after, validTo: undefined }).toEqual(before);
  });

  // Shows G3.
  it('answers not_found for missing, foreign and hidden secrets', async () => {
    const [alice, mallory] = [someone(), someone()];
    await create(alice, 'DB');
    const blind = { ...alice, names: ['OTHER'] };
    for (const [principal, name] of [
      [alice, 'MISSING'],
      [mallory, 'DB'],
      [blind, 'DB'],
    ] as const) {
      await expect(update(principal, name, 'x')).rejects.toMatchObject({ code: 'not_found' });
    }
  });

  it('makes the same calls for a missing name as for a hidden one', async () => {
    const alice = someone();
    await create(alice, 'DB');
    const callsOf = async (principal: Principal, name: string) => {
      const context = requestContext();
      const request = { name, value: bytes('x'), ifMatch: undefined, fingerprint: undefined };
      await updateSecret(vault.ports)(context, principal, request).catch(() => {});
      return [context.journal.storeCalls, context.journal.kmsCalls, context.journal.units()];
    };
    expect(await callsOf({ ...alice, names: [] }, 'DB')).toEqual(await callsOf(alice, 'MISSING'));
  });

  it('never makes a tenant wait for an update of another tenant with the same name', async () => {
    const [alice, bob] = [someone(), someone()];
    await create(alice, 'DB');
    await create(bob, 'DB');
    const { promise: held, resolve: letGo } = Promise.withResolvers<void>();
    const store = ({ findHead }: Store, principal: Principal): Partial<Store> => ({
      findHead: async (name) => {
        if (principal === alice) await held;
        return await findHead(name);
      },
    });
    const updating = updateSecret(changedPorts(vault.ports, { store }));
    const request = { name: 'DB', value: bytes('b'), ifMatch: undefined, fingerprint: undefined };
    const busy = updating(requestContext(), alice, request);
    expect((await updating(requestContext(), bob, request)).version.version).toBe(2);
    letGo();
    expect((await busy).version.version).toBe(2);
  });

  it('never makes a caller wait for an update of a name hidden from that caller', async () => {
    const alice = someone();
    await create(alice, 'DB');
    const { promise: held, resolve: letGo } = Promise.withResolvers<void>();
    const store = ({ findHead }: Store, { names }: Principal): Partial<Store> => ({
      findHead: async (name) => {
        if (names === undefined) await held;
        return await findHead(name);
      },
    });
    const updating = updateSecret(changedPorts(vault.ports, { store }));
    const request = { name: 'DB', value: bytes('b'), ifMatch: undefined, fingerprint: undefined };
    const busy = updating(requestContext(), alice, request);
    const blind = updating(requestContext(), { ...alice, names: [] }, request);
    await expect(blind).rejects.toMatchObject({ code: 'not_found' });
    letGo();
    expect((await busy).version.version).toBe(2);
  });

  it('serialises sixteen concurrent updates into sixteen versions', async () => {
    const alice = someone();
    await create(alice, 'DB');
    const updates = Array.from({ length: 16 }, (_, index) => update(alice, 'DB', `v${index}`));
    const versions = (await Promise.all(updates)).map(({ version }) => version.version);
    expect(versions.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 16 }, (_, n) => n + 2));
    const stored = await history(alice, 'DB');
    expect(stored.map(({ version }) => version)).toEqual(
      Array.from({ length: 17 }, (_, n) => n + 1),
    );
  });

  it('logs each lost race, and makes one attempt more than it lost', async () => {
    const alice = someone();
    await create(alice, 'DB');
    const journals = await Promise.all(
      Array.from({ length: 8 }, async (_, index) => {
        const context = requestContext();
        const request = { name: 'DB', value: bytes(`v${index}`), ifMatch: undefined };
        await updateSecret(vault.ports)(context, alice, { ...request, fingerprint: undefined });
        return context.journal;
      }),
    );
    const lost = journals.map(
      ({ decisions }) => decisions.filter(({ decision }) => decision === 'lost_race').length,
    );
    expect(Math.max(...lost)).toBeGreaterThan(0);
    expect(journals.map((journal) => journal.attempts())).toEqual(lost.map((count) => count + 1));
  });

  describe('with a clock that goes back', () => {
    it('moves validFrom forward, so that intervals keep their order without gaps or overlaps', async () => {
      const alice = someone();
      await create(alice, 'DB', 1_700_000_000_000);
      await update(alice, 'DB', 'b', { now: 1_600_000_000_000 });
      await update(alice, 'DB', 'c', { now: 1_700_000_000_001 });
      expect((await history(alice, 'DB')).map(({ validFrom }) => validFrom)).toEqual([
        1_700_000_000_000, 1_700_000_000_001, 1_700_000_000_002,
      ]);
    });

    it('logs clock_skew when the previous version is dated far ahead', async () => {
      const alice = someone();
      const now = Date.now();
      await create(alice, 'DB', now + 301_000);
      const context = requestContext({ now });
      const request = { name: 'DB', value: bytes('x'), ifMatch: undefined, fingerprint: undefined };
      await updateSecret(vault.ports)(context, alice, request);
      expect(context.journal.decisions.map(({ decision }) => decision)).toContain('clock_skew');
    });
  });

  describe('with If-Match', () => {
    it('updates when the current version is named, or for any version with *', async () => {
      const alice = someone();
      await create(alice, 'DB');
      expect((await update(alice, 'DB', 'b', { ifMatch: [7, 1] })).version.version).toBe(2);
      expect((await update(alice, 'DB', 'c', { ifMatch: '*' })).version.version).toBe(3);
    });

    it('answers version_conflict with the current version when it is not named', async () => {
      const alice = someone();
      await create(alice, 'DB');
      await expect(update(alice, 'DB', 'b', { ifMatch: [2] })).rejects.toMatchObject({
        code: 'version_conflict',
        members: { currentVersion: 1 },
      });
      await expect(update(alice, 'DB', 'b', { ifMatch: [] })).rejects.toMatchObject({
        code: 'version_conflict',
      });
    });

    // Shows G3.
    it('lets one of sixteen concurrent updates of the same version succeed', async () => {
      const alice = someone();
      await create(alice, 'DB');
      const results = await Promise.allSettled(
        Array.from({ length: 16 }, (_, index) =>
          update(alice, 'DB', `v${index}`, { ifMatch: [1] }),
        ),
      );
      expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
      expect(await history(alice, 'DB')).toHaveLength(2);
    });

    it('answers version_conflict without another read after losing a race to a version that is not named', async () => {
      const alice = someone();
      await create(alice, 'DB');
      let reads = 0;
      const losing = changedPorts(vault.ports, {
        store: ({ findHead }) => ({
          findHead: async (name) => {
            reads += 1;
            const head = await findHead(name);
            await update(alice, 'DB', 'of another');
            return head;
          },
        }),
      });
      const context = requestContext();
      const request = { name: 'DB', value: bytes('b'), ifMatch: [1], fingerprint: undefined };
      const updating = updateSecret(losing);
      await expect(updating(context, alice, request)).rejects.toMatchObject({
        code: 'version_conflict',
        members: { currentVersion: 2 },
      });
      expect({ reads, decisions: context.journal.decisions }).toEqual({ reads: 1, decisions: [] });
    });

    it('answers version_conflict for a version that was written before its second attempt', async () => {
      const alice = someone();
      await create(alice, 'DB');
      let [writes, reads] = [0, 0];
      const ports = changedPorts(vault.ports, {
        store: (store) => ({
          write: async (write) => {
            writes += 1;
            if (writes === 1) await update(alice, 'DB', 'of another');
            return await store.write(write);
          },
          findHead: async (name) => {
            reads += 1;
            if (reads === 2) await update(alice, 'DB', 'of a third');
            return await store.findHead(name);
          },
        }),
      });
      // The first conflict is with version 2, which If-Match names. Version 3, the next current one, is not named.
      await expect(update(alice, 'DB', 'b', { ifMatch: [1, 2], ports })).rejects.toMatchObject({
        code: 'version_conflict',
        members: { currentVersion: 3 },
      });
      expect(writes).toBe(1);
      expect(await history(alice, 'DB')).toHaveLength(3);
    });

    it('answers not_found for a missing secret before it checks If-Match', async () => {
      await expect(update(someone(), 'DB', 'b', { ifMatch: [1] })).rejects.toMatchObject({
        code: 'not_found',
      });
    });
  });

  describe('with an idempotency key', () => {
    const key = 'k'.repeat(20);

    it('repeats its first answer even after later updates', async () => {
      const alice = someone();
      await create(alice, 'DB');
      await update(alice, 'DB', 'b', { key });
      await update(alice, 'DB', 'c');
      const again = await update(alice, 'DB', 'b', { key });
      expect(again).toMatchObject({ replayed: true, version: { version: 2 } });
      expect(await history(alice, 'DB')).toHaveLength(3);
    });

    it('checks the key before If-Match, and counts If-Match as content', async () => {
      const alice = someone();
      await create(alice, 'DB');
      await update(alice, 'DB', 'b', { key, ifMatch: [1] });
      expect((await update(alice, 'DB', 'b', { key, ifMatch: [1] })).replayed).toBe(true);
      await expect(update(alice, 'DB', 'b', { key, ifMatch: [2] })).rejects.toMatchObject({
        code: 'idempotency_key_reused',
      });
    });

    it('has one effect for sixteen concurrent duplicates', async () => {
      const alice = someone();
      await create(alice, 'DB');
      const answers = await Promise.all(
        Array.from({ length: 16 }, () => update(alice, 'DB', 'b', { key })),
      );
      expect(new Set(answers.map(({ version }) => version.version))).toEqual(new Set([2]));
      expect(await history(alice, 'DB')).toHaveLength(2);
    });

    it('stores nothing if the record of its key cannot be read', async () => {
      const alice = someone();
      await create(alice, 'DB');
      const findRecord = async () => {
        throw new VaultError('store_unavailable', '');
      };
      const ports = changedPorts(vault.ports, { store: () => ({ findRecord }) });
      await expect(update(alice, 'DB', 'b', { key, ports })).rejects.toMatchObject({
        code: 'store_unavailable',
      });
      expect(await history(alice, 'DB')).toHaveLength(1);
    });

    it('answers not_found to a repeated request once the name is hidden from the caller', async () => {
      const alice = someone();
      await create(alice, 'DB');
      await update(alice, 'DB', 'b', { key });
      await expect(update({ ...alice, names: [] }, 'DB', 'b', { key })).rejects.toMatchObject({
        code: 'not_found',
      });
    });
  });

  // Shows G15.
  it('reports not_found before a key fault, and a key fault only for an existing secret', async () => {
    const alice = someone();
    await create(alice, 'DB');
    await vault.kms.send(new DisableKeyCommand({ KeyId: vault.keyArn }));
    try {
      await expect(update(alice, 'MISSING', 'b')).rejects.toMatchObject({ code: 'not_found' });
      await expect(update(alice, 'DB', 'b')).rejects.toMatchObject({
        code: 'master_key_unavailable',
      });
      await expect(update(alice, 'DB', 'b', { ifMatch: [9] })).rejects.toMatchObject({
        code: 'version_conflict',
      });
    } finally {
      await vault.kms.send(new EnableKeyCommand({ KeyId: vault.keyArn }));
    }
    expect(await history(alice, 'DB')).toHaveLength(1);
  });
});
