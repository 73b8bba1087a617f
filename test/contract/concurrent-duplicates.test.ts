/**
 * The same keyed request is sent to two hosts. Each test pauses one host between two of its reads
 * until the other has stored its duplicate. The paused host must return the duplicate's result.
 */
import { describe, expect, it } from '@jest/globals';
import { createDataKeys } from '../../functions/kms/data-keys.ts';
import { createKmsKey } from '../../functions/kms/kms-key.ts';
import type { Principal } from '../../functions/model/types.ts';
import type { Ports } from '../../functions/vault/request.ts';
import { beforeWrites, changedPorts } from '../support/changed-ports.ts';
import { storeOver } from '../support/embedded.ts';
import * as fault from '../support/faults.ts';
import * as itemFault from '../support/item-faults.ts';
import { someone } from '../support/requests.ts';
import { addVersion, makeSecret } from '../support/secrets.ts';
import { useEmbedded } from '../support/use-embedded.ts';
import { vaultOver } from '../support/vault.ts';
import { virtualClock } from '../support/virtual-clock.ts';

const vault = useEmbedded();

const soon = () => ({ key: 'k'.repeat(20), clock: virtualClock() });
const create = (ports: Ports, principal: Principal) =>
  vaultOver(ports).create(principal, 'DB', 'b', soon());
const update = (ports: Ports, principal: Principal, ifMatch: readonly number[], value = 'b') =>
  vaultOver(ports).update(principal, 'DB', value, { ...soon(), ifMatch });
const submit = (ports: Ports, principal: Principal) =>
  vaultOver(ports).submit(principal, 'NEW=v\nA=enc(NEW)\nB=secret(DB)\n', soon());

/** Returns a function that runs `work` on its first call. Every call waits for that run. */
const once = (work: () => Promise<unknown>) => {
  let done: Promise<unknown> | undefined;
  return () => {
    done ??= work();
    return done;
  };
};

/**
 * Makes a host that looks for the idempotency record before `work` and does not find it; only a
 * settled lookup finds what is stored. After `work` the host reads its head, or fails to get a data
 * key from KMS.
 */
const afterLook = (late: 'head' | 'no key', work: () => Promise<unknown>): Ports => {
  const looked = Promise.withResolvers<void>();
  const between = once(() => looked.promise.then(work));
  const ports = changedPorts(vault.ports, {
    store: (store) => ({
      findRecord: async (...asked) => {
        looked.resolve();
        return asked.at(-1) === 'settled' ? await store.findRecord(...asked) : undefined;
      },
      ...(late === 'head' && {
        findHead: async (...asked) => {
          await between();
          return await store.findHead(...asked);
        },
      }),
    }),
  });
  if (late === 'head') return ports;
  const kms = fault.hostile(vault.kms, (command) =>
    command === 'GenerateDataKey' ? { before: fault.serverError } : undefined,
  );
  return changedPorts(
    { ...ports, dataKeys: createDataKeys(createKmsKey(kms, vault.keyArn)) },
    {
      dataKeys: ({ generate }) => ({
        generate: async (bound) => {
          await between();
          return await generate(bound);
        },
      }),
    },
  );
};

/** A host that reads its heads before `work` and looks for the record after it. */
const lateForRecord = (work: () => Promise<unknown>): Ports => {
  const read = Promise.withResolvers<void>();
  const afterRead = once(() => read.promise.then(work));
  return changedPorts(vault.ports, {
    store: (store) => ({
      findHeads: async (...asked) => {
        const heads = await store.findHeads(...asked);
        read.resolve();
        return heads;
      },
      findRecord: async (...asked) => {
        await afterRead();
        return await store.findRecord(...asked);
      },
    }),
  });
};

/**
 * A host that starts its transactions after `work`. All of them are lost before they reach the
 * store, and the host cannot know that.
 */
const cutOff = (work: () => Promise<unknown>): Ports => {
  const before = once(work);
  const itemsOf = itemFault.hostile(vault.itemsOf, (operation) =>
    operation === 'write' ? { before: itemFault.lost } : undefined,
  );
  return beforeWrites({ ...vault.ports, store: storeOver(itemsOf) }, before).ports;
};

describe('a keyed update with If-Match', () => {
  const withOne = async () => {
    const alice = someone();
    await makeSecret(vault.ports, alice, 'DB', ['a']);
    return alice;
  };
  const replayed = { replayed: true, version: { version: 2 } };

  it('returns the result of a duplicate stored between its reads of the record and of the secret', async () => {
    const alice = await withOne();
    const ports = afterLook('head', () => update(vault.ports, alice, [1]));
    expect(await update(ports, alice, [1])).toMatchObject(replayed);
  });

  it('answers idempotency_key_reused if another request with its key was stored between its reads of the record and of the secret', async () => {
    const alice = await withOne();
    const ports = afterLook('head', () => update(vault.ports, alice, [1]));
    const other = update(ports, alice, [1], 'another');
    await expect(other).rejects.toMatchObject({ code: 'idempotency_key_reused' });
  });

  it('answers version_conflict if a request with another key was stored between its reads of the record and of the secret', async () => {
    const alice = await withOne();
    const ports = afterLook('head', () => addVersion(vault.ports, alice, 'DB', 'other'));
    await expect(update(ports, alice, [1])).rejects.toMatchObject({
      code: 'version_conflict',
      properties: { currentVersion: 2 },
    });
  });

  it('returns the result of a duplicate stored after it lost a race and before it read again', async () => {
    const alice = await withOne();
    let heads = 0;
    const ports = changedPorts(vault.ports, {
      store: (store) => ({
        write: async (...asked) => {
          if (heads === 1) await addVersion(vault.ports, alice, 'DB', 'other');
          return await store.write(...asked);
        },
        findHead: async (...asked) => {
          heads += 1;
          if (heads === 2) await update(vault.ports, alice, [1, 2]);
          return await store.findHead(...asked);
        },
      }),
    });
    const answer = { replayed: true, version: { version: 3 } };
    expect(await update(ports, alice, [1, 2])).toMatchObject(answer);
  });

  it('returns the result of its duplicate if all its own transactions are lost', async () => {
    const alice = await withOne();
    const ports = cutOff(() => update(vault.ports, alice, [1]));
    expect(await update(ports, alice, [1])).toMatchObject(replayed);
  });
});

describe('a keyed deletion', () => {
  const remove = (ports: Ports, principal: Principal, ifMatch?: readonly number[]) =>
    vaultOver(ports).delete(principal, 'DB', { ...soon(), ifMatch });
  const withOne = async () => {
    const alice = someone();
    await makeSecret(vault.ports, alice, 'DB', ['a']);
    return alice;
  };
  const replayed = { replayed: true, version: { version: 2 } };

  it.each([undefined, [1]])(
    'with If-Match %j returns the result of a duplicate that deleted the secret between its reads of the record and of the secret',
    async (ifMatch) => {
      const alice = await withOne();
      const ports = afterLook('head', () => remove(vault.ports, alice, ifMatch));
      expect(await remove(ports, alice, ifMatch)).toMatchObject(replayed);
    },
  );

  it('returns the result of its duplicate if all its own transactions are lost', async () => {
    const alice = await withOne();
    const ports = cutOff(() => remove(vault.ports, alice));
    expect(await remove(ports, alice)).toMatchObject(replayed);
  });

  it('answers not_found if another request deleted the secret between its reads of the record and of the secret', async () => {
    const alice = await withOne();
    const ports = afterLook('head', () => vaultOver(vault.ports).delete(alice, 'DB'));
    await expect(remove(ports, alice)).rejects.toMatchObject({ code: 'not_found' });
  });

  it('answers idempotency_key_reused if an update with its key was stored between its reads of the record and of the secret, even if the secret was then deleted', async () => {
    const alice = await withOne();
    const ports = afterLook('head', async () => {
      await update(vault.ports, alice, [1]);
      await vaultOver(vault.ports).delete(alice, 'DB');
    });
    const removed = remove(ports, alice);
    await expect(removed).rejects.toMatchObject({ code: 'idempotency_key_reused' });
  });
});

describe('a keyed update', () => {
  it('returns the result of a duplicate whose version was deleted between its reads of the record and of the secret', async () => {
    const alice = someone();
    await makeSecret(vault.ports, alice, 'DB', ['a']);
    const ports = afterLook('head', async () => {
      await update(vault.ports, alice, [1]);
      await vaultOver(vault.ports).delete(alice, 'DB');
    });
    const answer = { replayed: true, version: { version: 2 } };
    expect(await update(ports, alice, [1])).toMatchObject(answer);
  });
});

describe('a keyed create over a deletion', () => {
  it.each([
    ['all its own transactions are lost', cutOff],
    ['it cannot reach the master key', (work: () => Promise<unknown>) => afterLook('no key', work)],
  ])('returns the result of its duplicate if %s', async (_, host) => {
    const alice = someone();
    await makeSecret(vault.ports, alice, 'DB', ['a']);
    await vaultOver(vault.ports).delete(alice, 'DB');
    const ports = host(() => create(vault.ports, alice));
    const answer = { replayed: true, version: { version: 3 } };
    expect(await create(ports, alice)).toMatchObject(answer);
  });
});

describe('a keyed create', () => {
  const replayed = { replayed: true, version: { version: 1 } };

  it.each([
    ['it cannot reach the master key', (work: () => Promise<unknown>) => afterLook('no key', work)],
    ['all its own transactions are lost', cutOff],
  ])('returns the result of its duplicate if %s', async (_, host) => {
    const alice = someone();
    const ports = host(() => create(vault.ports, alice));
    expect(await create(ports, alice)).toMatchObject(replayed);
  });

  it('answers secret_exists if another create won and all its own transactions are lost', async () => {
    const alice = someone();
    const ports = cutOff(() => makeSecret(vault.ports, alice, 'DB', ['a']));
    await expect(create(ports, alice)).rejects.toMatchObject({ code: 'secret_exists' });
  });
});

describe('a keyed .env file', () => {
  const first = { replayed: true, created: [{ name: 'NEW', version: 1 }] };

  it('returns the result of a duplicate that read a newer version than it did itself', async () => {
    const alice = someone();
    await makeSecret(vault.ports, alice, 'DB', ['a']);
    const ports = lateForRecord(async () => {
      await addVersion(vault.ports, alice, 'DB', 'a2');
      await submit(vault.ports, alice);
    });
    const { content, ...answer } = await submit(ports, alice);
    expect(answer).toMatchObject({ ...first, resolved: [{ name: 'DB', version: 2 }] });
    expect(content).toContain('B=a2');
  });

  it('returns the result of its duplicate if it cannot reach the master key', async () => {
    const alice = someone();
    await makeSecret(vault.ports, alice, 'DB', ['a']);
    const ports = afterLook('no key', () => submit(vault.ports, alice));
    expect(await submit(ports, alice)).toMatchObject(first);
  });

  it.each([
    ['before the request looked for its record', lateForRecord],
    [
      'before the request read its names again',
      (work: () => Promise<unknown>) => {
        let reads = 0;
        return changedPorts(vault.ports, {
          store: (store) => ({
            findHeads: async (...asked) => {
              reads += 1;
              if (reads === 2) await work();
              return await store.findHeads(...asked);
            },
          }),
        });
      },
    ],
  ])(
    'returns the result of a duplicate that read a secret which was created just %s',
    async (_, host) => {
      const alice = someone();
      const ports = host(async () => {
        await makeSecret(vault.ports, alice, 'DB', ['a']);
        await submit(vault.ports, alice);
      });
      expect(await submit(ports, alice)).toMatchObject(first);
    },
  );
});
