/**
 * The same keyed request is sent to two hosts. Each test pauses one host between two of its reads while the other
 * stores its duplicate; the paused host must return the result of the duplicate.
 */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { fingerprint } from '../../functions/crypto/fingerprint.ts';
import { createDataKeys } from '../../functions/kms/data-keys.ts';
import type { Principal } from '../../functions/model/types.ts';
import { createSecret } from '../../functions/vault/create-secret.ts';
import { submitEnv } from '../../functions/vault/env-file.ts';
import type { Store } from '../../functions/vault/ports.ts';
import type { Ports } from '../../functions/vault/request.ts';
import { updateSecret } from '../../functions/vault/update-secret.ts';
import { changedPorts } from '../support/changed-ports.ts';
import { type Embedded, startEmbedded, storeOver } from '../support/embedded.ts';
import { file } from '../support/env-vault.ts';
import * as fault from '../support/faults.ts';
import { bytes, requestContext, someone } from '../support/requests.ts';
import { addVersion, makeSecret } from '../support/secrets.ts';
import { virtualClock } from '../support/virtual-clock.ts';

let vault: Embedded;
beforeAll(async () => {
  vault = await startEmbedded();
});
afterAll(() => vault.close());

const key = 'k'.repeat(20);
const keyed = (principal: Principal, ...content: string[]) => fingerprint(key, principal, content);
const soon = () => requestContext({ clock: virtualClock() });

const create = (ports: Ports, principal: Principal) =>
  createSecret(ports)(soon(), principal, {
    name: 'DB',
    value: bytes('b'),
    fingerprint: keyed(principal, 'create'),
  });
const update = (ports: Ports, principal: Principal, ifMatch: readonly number[], value = 'b') =>
  updateSecret(ports)(soon(), principal, {
    name: 'DB',
    value: bytes(value),
    ifMatch,
    fingerprint: keyed(principal, value),
  });
const submit = (ports: Ports, principal: Principal) =>
  submitEnv(ports)(
    soon(),
    principal,
    file('A=enc(NEW)\nB=secret(DB)\n', {
      values: new Map([['NEW', 'v']]),
      fingerprint: keyed(principal, 'submit'),
    }),
  );

/** A host with some of its store's methods changed. */
const over = (store: (original: Store) => Partial<Store>): Ports =>
  changedPorts(vault.ports, { store });

/** Does the work once, at the first call; all later calls wait for it. */
const once = (work: () => Promise<unknown>) => {
  let done: Promise<unknown> | undefined;
  return () => {
    done ??= work();
    return done;
  };
};

/** Runs `work` after the first lookup of the record, which finds none. A settled lookup gets the true answer. */
const afterLook = (work: () => Promise<unknown>) => {
  const looked = Promise.withResolvers<void>();
  const findRecord =
    (store: Store): Store['findRecord'] =>
    async (hash, look) => {
      looked.resolve();
      return look === 'settled' ? await store.findRecord(hash, look) : undefined;
    };
  return { findRecord, work: once(() => looked.promise.then(work)) };
};

/** A host that finds no record, and reads the head only after `work`. */
const lateForHead = (work: () => Promise<unknown>): Ports => {
  const late = afterLook(work);
  return over((store) => ({
    findRecord: late.findRecord(store),
    findHead: async (name) => {
      await late.work();
      return await store.findHead(name);
    },
  }));
};

/** A host that finds no record, and learns after `work` that KMS gives it no data key. */
const withoutKey = (work: () => Promise<unknown>): Ports => {
  const late = afterLook(work);
  const kms = fault.hostile(vault.kms, (command) =>
    command === 'GenerateDataKey' ? { before: fault.serverError } : undefined,
  );
  const ports = { ...vault.ports, dataKeys: createDataKeys(kms, vault.keyArn) };
  return changedPorts(ports, {
    store: (store) => ({ findRecord: late.findRecord(store) }),
    dataKeys: ({ generate }) => ({
      generate: async (bound) => {
        await late.work();
        return await generate(bound);
      },
    }),
  });
};

/** A host that reads its heads, and looks for the record only after `work`. */
const lateForRecord = (work: () => Promise<unknown>): Ports => {
  const read = Promise.withResolvers<void>();
  const afterRead = once(() => read.promise.then(work));
  return over((store) => ({
    findHeads: async (names) => {
      const heads = await store.findHeads(names);
      read.resolve();
      return heads;
    },
    findRecord: async (...asked) => {
      await afterRead();
      return await store.findRecord(...asked);
    },
  }));
};

/** A host that begins its transactions after `work`. None of them arrives, and the host cannot tell. */
const cutOff = (work: () => Promise<unknown>): Ports => {
  const work1 = once(work);
  const dynamodb = fault.hostile(vault.dynamodb, (command) =>
    command === 'TransactWriteItems' ? { before: fault.timedOut } : undefined,
  );
  const ports = { ...vault.ports, store: storeOver(dynamodb) };
  return changedPorts(ports, {
    store: ({ write }) => ({
      write: async (asked) => {
        await work1();
        return await write(asked);
      },
    }),
  });
};

describe('an update with If-Match', () => {
  const withOne = async () => {
    const alice = someone();
    await makeSecret(vault.ports, alice, 'DB', ['a']);
    return alice;
  };
  const replayed = { replayed: true, version: { version: 2 } };

  it('returns the result of a duplicate stored between its reads of the record and the head', async () => {
    const alice = await withOne();
    const ports = lateForHead(() => update(vault.ports, alice, [1]));
    expect(await update(ports, alice, [1])).toMatchObject(replayed);
  });

  it('answers idempotency_key_reused if another request with its key was stored between its reads', async () => {
    const alice = await withOne();
    const ports = lateForHead(() => update(vault.ports, alice, [1]));
    await expect(update(ports, alice, [1], 'another')).rejects.toMatchObject({
      code: 'idempotency_key_reused',
    });
  });

  it('answers version_conflict if a request with another key was stored between its reads', async () => {
    const alice = await withOne();
    const ports = lateForHead(() => addVersion(vault.ports, alice, 'DB', 'other'));
    await expect(update(ports, alice, [1])).rejects.toMatchObject({
      code: 'version_conflict',
      members: { currentVersion: 2 },
    });
  });

  it('returns the result of a duplicate stored after it lost a race and before it read again', async () => {
    const alice = await withOne();
    let heads = 0;
    const ports = over((store) => ({
      write: async (asked) => {
        if (heads === 1) await addVersion(vault.ports, alice, 'DB', 'other');
        return await store.write(asked);
      },
      findHead: async (name) => {
        heads += 1;
        if (heads === 2) await update(vault.ports, alice, [1, 2]);
        return await store.findHead(name);
      },
    }));
    const answer = { replayed: true, version: { version: 3 } };
    expect(await update(ports, alice, [1, 2])).toMatchObject(answer);
  });

  it('returns the result of a duplicate stored before its own transactions were lost', async () => {
    const alice = await withOne();
    const ports = cutOff(() => update(vault.ports, alice, [1]));
    expect(await update(ports, alice, [1])).toMatchObject(replayed);
  });
});

describe('a create', () => {
  const replayed = { replayed: true, version: { version: 1 } };

  it('returns the result of a duplicate stored while its master key was unreachable', async () => {
    const alice = someone();
    const ports = withoutKey(() => create(vault.ports, alice));
    expect(await create(ports, alice)).toMatchObject(replayed);
  });

  it('returns the result of a duplicate stored before its own transactions were lost', async () => {
    const alice = someone();
    const ports = cutOff(() => create(vault.ports, alice));
    expect(await create(ports, alice)).toMatchObject(replayed);
  });

  it('answers secret_exists if another secret was stored before its own transactions were lost', async () => {
    const alice = someone();
    const ports = cutOff(() => makeSecret(vault.ports, alice, 'DB', ['a']));
    await expect(create(ports, alice)).rejects.toMatchObject({ code: 'secret_exists' });
  });
});

describe('a .env file', () => {
  const first = { replayed: true, created: [{ name: 'NEW', version: 1 }] };

  it('returns the result of a duplicate with a version that was written after it read the heads', async () => {
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

  it('returns the result of a duplicate that read a name created after its own read', async () => {
    const alice = someone();
    const ports = lateForRecord(async () => {
      await makeSecret(vault.ports, alice, 'DB', ['a']);
      await submit(vault.ports, alice);
    });
    expect(await submit(ports, alice)).toMatchObject(first);
  });

  it('returns the result of a duplicate stored while its master key was unreachable', async () => {
    const alice = someone();
    await makeSecret(vault.ports, alice, 'DB', ['a']);
    const ports = withoutKey(() => submit(vault.ports, alice));
    expect(await submit(ports, alice)).toMatchObject(first);
  });

  it('returns the result of a duplicate stored while a name that it reads was still missing', async () => {
    const alice = someone();
    let reads = 0;
    const ports = over((store) => ({
      findHeads: async (names) => {
        reads += 1;
        if (reads === 2) {
          await makeSecret(vault.ports, alice, 'DB', ['a']);
          await submit(vault.ports, alice);
        }
        return await store.findHeads(names);
      },
    }));
    expect(await submit(ports, alice)).toMatchObject(first);
  });
});
