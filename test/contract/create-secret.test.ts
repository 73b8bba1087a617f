import { DisableKeyCommand, EnableKeyCommand } from '@aws-sdk/client-kms';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { fingerprint } from '../../functions/crypto/fingerprint.ts';
import { VaultError } from '../../functions/model/errors.ts';
import type { Principal } from '../../functions/model/types.ts';
import { createSecret } from '../../functions/vault/create-secret.ts';
import { getSecret } from '../../functions/vault/get-secret.ts';
import { updateSecret } from '../../functions/vault/update-secret.ts';
import { changedPorts } from '../support/changed-ports.ts';
import { type Embedded, startEmbedded } from '../support/embedded.ts';
import { bytes, requestContext, someone } from '../support/requests.ts';

describe('create-secret, on the embedded store and KMS', () => {
  let vault: Embedded;
  beforeAll(async () => {
    vault = await startEmbedded();
  });
  afterAll(() => vault.close());

  const create = (
    principal: Principal,
    name: string,
    value: string,
    options: { key?: string; content?: string; now?: number } = {},
  ) => {
    const context = requestContext(options.now === undefined ? {} : { now: options.now });
    const print = options.key
      ? fingerprint(options.key, principal, ['create-secret', name, options.content ?? value])
      : undefined;
    const request = { name, value: bytes(value), fingerprint: print };
    return createSecret(vault.ports)(context, principal, request);
  };
  const latest = async (principal: Principal, name: string) => {
    const request = { name, which: 'latest' } as const;
    return await getSecret(vault.ports)(requestContext(), principal, request);
  };

  it('stores version 1, valid from the instant of the request', async () => {
    const alice = someone();
    const { version, replayed } = await create(alice, 'DB', 'hunter2', { now: 1_700_000_000_123 });
    expect({ version, replayed }).toMatchObject({
      version: { name: 'DB', version: 1, validFrom: 1_700_000_000_123 },
      replayed: false,
    });
    const { stored, value } = await latest(alice, 'DB');
    expect(Buffer.from(value).toString()).toBe('hunter2');
    expect(stored).toMatchObject({ version: 1, createdBy: 'alice', validTo: undefined });
  });

  // Shows G3.
  it('refuses a name that exists and keeps the stored value', async () => {
    const alice = someone();
    await create(alice, 'DB', 'first');
    await expect(create(alice, 'DB', 'second')).rejects.toMatchObject({ code: 'secret_exists' });
    expect(Buffer.from((await latest(alice, 'DB')).value).toString()).toBe('first');
  });

  // Shows G1.
  it('lets exactly one of sixteen concurrent creates of a name succeed', async () => {
    const alice = someone();
    const tries = Array.from({ length: 16 }, (_, index) => create(alice, 'DB', `value ${index}`));
    const results = await Promise.allSettled(tries);
    const won = results.flatMap(({ status }, index) => (status === 'fulfilled' ? [index] : []));
    expect(won).toHaveLength(1);
    expect(Buffer.from((await latest(alice, 'DB')).value).toString()).toBe(`value ${won[0]}`);
    for (const result of results) {
      if (result.status === 'rejected') expect(result.reason.code).toBe('secret_exists');
    }
  });

  it('keeps secrets of two tenants with the same name apart', async () => {
    const [alice, mallory] = [someone(), someone()];
    await create(alice, 'DB', 'of alice');
    await create(mallory, 'DB', 'of mallory');
    expect(Buffer.from((await latest(alice, 'DB')).value).toString()).toBe('of alice');
  });

  it('refuses a name hidden from the caller without looking anything up', async () => {
    const alice = someone({ names: ['billing.*'] });
    const context = requestContext();
    const request = { name: 'DB', value: bytes('x'), fingerprint: undefined };
    await expect(createSecret(vault.ports)(context, alice, request)).rejects.toMatchObject({
      code: 'forbidden',
    });
    expect([...context.journal.storeCalls, ...context.journal.kmsCalls]).toEqual([]);
  });

  describe('with an idempotency key', () => {
    it('repeats its first answer even after an update', async () => {
      const alice = someone();
      const first = await create(alice, 'DB', 'x', { key: 'key-0123456789abcdef' });
      const update = { name: 'DB', value: bytes('y'), ifMatch: undefined, fingerprint: undefined };
      await updateSecret(vault.ports)(requestContext(), alice, update);
      const again = await create(alice, 'DB', 'x', { key: 'key-0123456789abcdef' });
      expect(again.replayed).toBe(true);
      expect(again.version).toEqual({ name: 'DB', version: 1, validFrom: first.version.validFrom });
      const { stored, value } = await latest(alice, 'DB');
      expect([stored.version, Buffer.from(value).toString()]).toEqual([2, 'y']);
    });

    // Shows G6.
    it('has one effect and one answer for sixteen concurrent duplicates', async () => {
      const alice = someone();
      const tries = Array.from({ length: 16 }, () =>
        create(alice, 'DB', 'x', { key: 'k'.repeat(20) }),
      );
      const answers = await Promise.all(tries);
      expect(new Set(answers.map(({ version }) => version.validFrom)).size).toBe(1);
      expect(answers.filter(({ replayed }) => !replayed)).toHaveLength(1);
    });

    // Shows G6.
    it('refuses the key for other content', async () => {
      const alice = someone();
      await create(alice, 'DB', 'x', { key: 'k'.repeat(20) });
      await expect(create(alice, 'DB', 'y', { key: 'k'.repeat(20) })).rejects.toMatchObject({
        code: 'idempotency_key_reused',
      });
    });

    it('refuses the key for other content even if both requests run at the same time', async () => {
      const alice = someone();
      const key = 'k'.repeat(20);
      // The lookup finds no record, so only the condition of the write meets it.
      const findRecord = async () => undefined;
      const ports = changedPorts(vault.ports, { store: () => ({ findRecord }) });
      const contexts: ReturnType<typeof requestContext>[] = [];
      const createNow = (value: string) => {
        const print = fingerprint(key, alice, ['create-secret', 'DB', value]);
        const request = { name: 'DB', value: bytes(value), fingerprint: print };
        const context = requestContext();
        contexts.push(context);
        return createSecret(ports)(context, alice, request);
      };
      await createNow('x');
      expect(await createNow('x')).toMatchObject({ replayed: true });
      await expect(createNow('y')).rejects.toMatchObject({ code: 'idempotency_key_reused' });
      const told = contexts.map(({ journal }) => journal.decisions.map(({ decision }) => decision));
      expect(told).toEqual([['created'], ['replayed'], ['idempotency_key_reused']]);
    });

    it('stores nothing if the record of its key cannot be read', async () => {
      const alice = someone();
      const findRecord = async () => {
        throw new VaultError('store_unavailable', '');
      };
      const ports = changedPorts(vault.ports, { store: () => ({ findRecord }) });
      const print = fingerprint('k'.repeat(20), alice, ['create-secret', 'DB', 'x']);
      const request = { name: 'DB', value: bytes('x'), fingerprint: print };
      const created = createSecret(ports)(requestContext(), alice, request);
      await expect(created).rejects.toMatchObject({ code: 'store_unavailable' });
      await expect(latest(alice, 'DB')).rejects.toMatchObject({ code: 'not_found' });
    });

    it('does not answer with the result of another subject that used the same key', async () => {
      const alice = someone();
      const bob = { ...alice, subject: 'bob' };
      await create(alice, 'DB', 'x', { key: 'k'.repeat(20) });
      await expect(create(bob, 'DB', 'x', { key: 'k'.repeat(20) })).rejects.toMatchObject({
        code: 'secret_exists',
      });
    });

    it('leaves the key free when the create is refused', async () => {
      const alice = someone();
      await create(alice, 'DB', 'x');
      const refused = create(alice, 'DB', 'y', { key: 'k'.repeat(20) });
      await expect(refused).rejects.toMatchObject({ code: 'secret_exists' });
      const other = await create(alice, 'OTHER', 'y', { key: 'k'.repeat(20) });
      expect(other.replayed).toBe(false);
    });

    it('keeps the key for 25 hours and frees it after 49', async () => {
      const alice = someone();
      const hour = 3_600_000;
      const began = Date.now();
      await create(alice, 'DB', 'x', { key: 'k'.repeat(20), now: began });
      const later = { key: 'k'.repeat(20), now: began + 25 * hour };
      expect((await create(alice, 'DB', 'x', later)).replayed).toBe(true);
      const free = { key: 'k'.repeat(20), now: began + 49 * hour };
      expect((await create(alice, 'NEW', 'y', free)).replayed).toBe(false);
    });
  });

  describe('while the master key is disabled', () => {
    const disabled = async (test: () => Promise<void>) => {
      await vault.kms.send(new DisableKeyCommand({ KeyId: vault.keyArn }));
      try {
        await test();
      } finally {
        await vault.kms.send(new EnableKeyCommand({ KeyId: vault.keyArn }));
      }
    };

    it('answers master_key_unavailable and stores nothing', async () => {
      const alice = someone();
      await disabled(async () => {
        await expect(create(alice, 'DB', 'x')).rejects.toMatchObject({
          code: 'master_key_unavailable',
          retryable: false,
        });
      });
      await expect(latest(alice, 'DB')).rejects.toMatchObject({ code: 'not_found' });
    });

    it('still answers secret_exists for a name that exists', async () => {
      const alice = someone();
      await create(alice, 'DB', 'x');
      await disabled(async () => {
        await expect(create(alice, 'DB', 'y')).rejects.toMatchObject({ code: 'secret_exists' });
      });
    });

    it('still answers a repeated request', async () => {
      const alice = someone();
      await create(alice, 'DB', 'x', { key: 'k'.repeat(20) });
      await disabled(async () => {
        expect((await create(alice, 'DB', 'x', { key: 'k'.repeat(20) })).replayed).toBe(true);
      });
    });
  });
});
