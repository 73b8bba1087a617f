/**
 * Creates and updates over the store under test. test/contract/idempotency.test.ts repeats them
 * with a key.
 */
import { describe, expect, it } from '@jest/globals';
import type { Principal } from '../../functions/model/types.ts';
import { updateSecret } from '../../functions/vault/update-secret.ts';
import { changedPorts } from '../support/changed-ports.ts';
import { bytes, requestContext, someone } from '../support/requests.ts';
import { historyOf, makeSecret } from '../support/secrets.ts';
import { askOf, useEmbedded } from '../support/use-embedded.ts';
import { vaultOver, whileDisabled } from '../support/vault.ts';

const vault = useEmbedded();
const ask = askOf(vault);

const began = 1_700_000_000_000;
/** A new caller with the secret `DB`, which has one version. */
const withOne = async (from?: number): Promise<Principal> => {
  const alice = someone();
  await makeSecret(vault.ports, alice, 'DB', ['first'], from);
  return alice;
};
const versionsOf = async (principal: Principal) =>
  (await historyOf(vault.ports, principal, 'DB')).map(({ version }) => version);
const upTo = (count: number) => Array.from({ length: count }, (_, index) => index + 1);
const atOnce = <Result>(work: (index: number) => Promise<Result>) =>
  Promise.allSettled(Array.from({ length: 16 }, (_, index) => work(index)));

describe('create-secret', () => {
  it('stores version 1, valid from the instant of the request', async () => {
    const alice = someone();
    const first = await ask.create(alice, 'DB', 'hunter2', { now: began });
    expect(first).toMatchObject({
      version: { name: 'DB', version: 1, validFrom: began },
      replayed: false,
    });
    const { stored, text } = await ask.get(alice, 'DB');
    expect(text).toBe('hunter2');
    expect(stored).toMatchObject({ version: 1, createdBy: 'alice', validTo: undefined });
  });

  // Shows G1, G3.
  it('refuses a name that exists and keeps the stored value', async () => {
    const alice = await withOne();
    const second = ask.create(alice, 'DB', 'second');
    await expect(second).rejects.toMatchObject({ code: 'secret_exists' });
    expect((await ask.get(alice, 'DB')).text).toBe('first');
  });

  // Shows G1.
  it('lets exactly one of sixteen concurrent creates of a name succeed', async () => {
    const alice = someone();
    const results = await atOnce((index) => ask.create(alice, 'DB', `value ${index}`));
    const codes = results.map((each) => (each.status === 'fulfilled' ? 'won' : each.reason.code));
    expect(codes.toSorted()).toEqual([...Array(15).fill('secret_exists'), 'won']);
    expect((await ask.get(alice, 'DB')).text).toBe(`value ${codes.indexOf('won')}`);
  });

  it('refuses a name hidden from the caller without looking anything up', async () => {
    const context = requestContext();
    const created = ask.create(someone({ names: ['billing.*'] }), 'DB', 'x', { context });
    await expect(created).rejects.toMatchObject({ code: 'forbidden' });
    expect([...context.journal.storeCalls, ...context.journal.kmsCalls]).toEqual([]);
  });
});

describe('update-secret', () => {
  it('writes a new version, and ends the version before it at the instant when the new one begins', async () => {
    const alice = await withOne(began);
    const { version } = await ask.update(alice, 'DB', 'second', { now: began + 1_000 });
    expect(version).toMatchObject({ version: 2, validFrom: began + 1_000 });
    expect(await historyOf(vault.ports, alice, 'DB')).toMatchObject([
      { validFrom: began, validTo: began + 1_000 },
      { validFrom: began + 1_000, validTo: undefined },
    ]);
  });

  // Shows G4.
  it('keeps the sealed bytes of a superseded version', async () => {
    const alice = await withOne();
    const [before] = await historyOf(vault.ports, alice, 'DB');
    await ask.update(alice, 'DB', 'second');
    const [after] = await historyOf(vault.ports, alice, 'DB');
    expect({ ...after, validTo: undefined }).toEqual(before);
  });

  it('moves validFrom forward if the clock goes back, so that versions keep their order in time', async () => {
    const alice = await withOne(began);
    await ask.update(alice, 'DB', 'b', { now: began - 1_000_000 });
    await ask.update(alice, 'DB', 'c', { now: began + 1 });
    const history = await historyOf(vault.ports, alice, 'DB');
    expect(history.map(({ validFrom }) => validFrom)).toEqual([began, began + 1, began + 2]);
  });

  it('writes sixteen versions for sixteen concurrent updates', async () => {
    const alice = await withOne();
    const results = await atOnce((index) => ask.update(alice, 'DB', `v${index}`));
    const versions = results.map(
      (each) => each.status === 'fulfilled' && each.value.version.version,
    );
    expect(new Set(versions)).toEqual(new Set(upTo(17).slice(1)));
    expect(await versionsOf(alice)).toEqual(upTo(17));
  });

  it('logs each lost race, and makes one attempt more than it lost', async () => {
    const alice = await withOne();
    const contexts = upTo(8).map(() => requestContext());
    await Promise.all(contexts.map((context) => ask.update(alice, 'DB', 'v', { context })));
    const lost = contexts.map(
      ({ journal }) => journal.decisions.filter(({ decision }) => decision === 'lost_race').length,
    );
    expect(Math.max(...lost)).toBeGreaterThan(0);
    expect(contexts.map(({ journal }) => journal.attempts())).toEqual(
      lost.map((count) => count + 1),
    );
  });

  it.each([
    ['of another tenant with the same name', async () => await withOne(), 2],
    ['of a name hidden from its caller', async (alice: Principal) => ({ ...alice, names: [] }), 0],
  ])('never waits for an update %s', async (_, makeOther, written) => {
    const alice = await withOne();
    const other = await makeOther(alice);
    const { promise: held, resolve: letGo } = Promise.withResolvers<void>();
    let isFirst = true;
    const ports = changedPorts(vault.ports, {
      store: (store) => ({
        findHead: async (...asked) => {
          const waits = isFirst;
          isFirst = false;
          if (waits) await held;
          return await store.findHead(...asked);
        },
      }),
    });
    // One host runs the updates of a secret one after the other.
    const update = updateSecret(ports);
    const request = { name: 'DB', value: bytes('b'), ifMatch: undefined, fingerprint: undefined };
    const busy = update(requestContext(), alice, request);
    const answer = await update(requestContext(), other, request).catch(({ code }) => code);
    if (written === 0) expect(answer).toBe('not_found');
    else expect(answer.version.version).toBe(written);
    letGo();
    expect((await busy).version.version).toBe(2);
  });
});

describe('update-secret with If-Match', () => {
  it('succeeds if the current version is named, or for any version with *', async () => {
    const alice = await withOne();
    const named = await ask.update(alice, 'DB', 'b', { ifMatch: [7, 1] });
    const any = await ask.update(alice, 'DB', 'c', { ifMatch: '*' });
    expect([named.version.version, any.version.version]).toEqual([2, 3]);
  });

  it.each([[[2]], [[]]])(
    'answers version_conflict with the current version if only %j is named',
    async (ifMatch) => {
      const updated = ask.update(await withOne(), 'DB', 'b', { ifMatch });
      const conflict = { code: 'version_conflict', properties: { currentVersion: 1 } };
      await expect(updated).rejects.toMatchObject(conflict);
    },
  );

  // Shows G3.
  it('succeeds for exactly one of sixteen concurrent updates of the same version', async () => {
    const alice = await withOne();
    const results = await atOnce((index) => ask.update(alice, 'DB', `v${index}`, { ifMatch: [1] }));
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect(await versionsOf(alice)).toEqual([1, 2]);
  });

  it('answers version_conflict without another read after losing a race to a version that is not named', async () => {
    const alice = await withOne();
    let reads = 0;
    const losing = changedPorts(vault.ports, {
      store: (store) => ({
        findHead: async (...asked) => {
          reads += 1;
          const head = await store.findHead(...asked);
          await ask.update(alice, 'DB', 'of another');
          return head;
        },
      }),
    });
    const context = requestContext();
    const updated = vaultOver(losing).update(alice, 'DB', 'b', { context, ifMatch: [1] });
    const conflict = { code: 'version_conflict', properties: { currentVersion: 2 } };
    await expect(updated).rejects.toMatchObject(conflict);
    expect({ reads, decisions: context.journal.decisions }).toEqual({ reads: 1, decisions: [] });
  });

  it('answers version_conflict for a version that was written before its second attempt', async () => {
    const alice = await withOne();
    let [writes, reads] = [0, 0];
    const ports = changedPorts(vault.ports, {
      store: (store) => ({
        write: async (...asked) => {
          writes += 1;
          if (writes === 1) await ask.update(alice, 'DB', 'of another');
          return await store.write(...asked);
        },
        findHead: async (...asked) => {
          reads += 1;
          if (reads === 2) await ask.update(alice, 'DB', 'of a third');
          return await store.findHead(...asked);
        },
      }),
    });
    // If-Match names version 2, which causes the first conflict, but not version 3, which is
    // current after that.
    const updated = vaultOver(ports).update(alice, 'DB', 'b', { ifMatch: [1, 2] });
    const conflict = { code: 'version_conflict', properties: { currentVersion: 3 } };
    await expect(updated).rejects.toMatchObject(conflict);
    expect(writes).toBe(1);
    expect(await versionsOf(alice)).toEqual([1, 2, 3]);
  });
});

// Shows G9, G15.
it('a disabled master key is reported only after every error that follows from the stored state', async () => {
  const alice = await withOne();
  const key = 'k'.repeat(20);
  const keyed = [
    () => ask.create(alice, 'KEYED', 'x', { key }),
    () => ask.update(alice, 'KEYED', 'y', { key: 'u'.repeat(20) }),
  ];
  for (const send of keyed) expect((await send()).replayed).toBe(false);
  await whileDisabled(vault, async () => {
    for (const [index, send] of keyed.entries()) {
      expect(await send()).toMatchObject({ version: { version: index + 1 }, replayed: true });
    }
    for (const [code, refused] of [
      ['secret_exists', ask.create(alice, 'DB', 'x')],
      ['not_found', ask.update(alice, 'MISSING', 'x', { ifMatch: [1] })],
      ['version_conflict', ask.update(alice, 'DB', 'x', { ifMatch: [9] })],
      ['master_key_unavailable', ask.create(alice, 'NEW', 'x')],
      ['master_key_unavailable', ask.update(alice, 'DB', 'x')],
    ] as const) {
      await expect(refused).rejects.toMatchObject({ code });
    }
  });
  await expect(ask.get(alice, 'NEW')).rejects.toMatchObject({ code: 'not_found' });
  expect(await versionsOf(alice)).toEqual([1]);
});
