/**
 * The vault reports the true outcome of a write whose replies are lost; on the embedded store behind a faulty
 * connection.
 */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { fingerprint } from '../../functions/crypto/fingerprint.ts';
import type { Principal } from '../../functions/model/types.ts';
import { createSecret } from '../../functions/vault/create-secret.ts';
import type { Clock } from '../../functions/vault/request.ts';
import { updateSecret } from '../../functions/vault/update-secret.ts';
import { type Embedded, startEmbedded, storeOver } from '../support/embedded.ts';
import * as fault from '../support/faults.ts';
import { bytes, requestContext, someone } from '../support/requests.ts';
import { addVersion, historyOf, makeSecret } from '../support/secrets.ts';
import { virtualClock } from '../support/virtual-clock.ts';

describe('a write on a faulty connection', () => {
  let vault: Embedded;
  beforeAll(async () => {
    vault = await startEmbedded();
  });
  afterAll(() => vault.close());

  /** The vault's ports, with a script of faults between vault and store. */
  const behind = (script: fault.Script) => ({
    ...vault.ports,
    store: storeOver(fault.hostile(vault.dynamodb, script)),
  });
  const key = 'k'.repeat(20);
  const create = (
    principal: Principal,
    script: fault.Script,
    options: { key?: string; clock?: Clock } = {},
  ) => {
    const print = options.key
      ? fingerprint(options.key, principal, ['create-secret', 'DB'])
      : undefined;
    const context = requestContext(options.clock ? { clock: options.clock } : {});
    const request = { name: 'DB', value: bytes('mine'), fingerprint: print };
    return createSecret(behind(script))(context, principal, request);
  };
  const update = (
    principal: Principal,
    script: fault.Script,
    options: { key?: string; clock?: Clock; ifMatch?: readonly number[] } = {},
  ) => {
    const print = options.key
      ? fingerprint(options.key, principal, ['update-secret', 'DB'])
      : undefined;
    const context = requestContext(options.clock ? { clock: options.clock } : {});
    const request = { name: 'DB', value: bytes('mine'), ifMatch: options.ifMatch };
    return updateSecret(behind(script))(context, principal, { ...request, fingerprint: print });
  };
  const versionsOf = async (principal: Principal) =>
    (await historyOf(vault.ports, principal, 'DB')).map(({ version }) => version);

  const unclear = [
    ['a time-out', fault.timedOut],
    ['a reset connection', fault.connectionReset],
    ['a server error', fault.serverError],
    ['a transaction in progress', fault.inProgress],
    ['a reply that is cut off', fault.cutOff],
    ['a reply that is not DynamoDB’s', fault.foreign],
  ] as const;

  describe.each(unclear)('that meets %s after it took effect', (_, error) => {
    it('counts as one success of a create, not as secret_exists', async () => {
      const alice = someone();
      const { version, replayed } = await create(
        alice,
        fault.inTurn('PutItem', [{ after: error }]),
      );
      expect([version.version, replayed]).toEqual([1, false]);
      expect(await versionsOf(alice)).toEqual([1]);
    });

    it('counts as one success of a keyed create, not as a replay', async () => {
      const alice = someone();
      const script = fault.inTurn('TransactWriteItems', [{ after: error }]);
      const { version, replayed } = await create(alice, script, { key });
      expect([version.version, replayed]).toEqual([1, false]);
    });

    // Shows G6.
    it('counts as one success of an update, without a second version', async () => {
      const alice = someone();
      await makeSecret(vault.ports, alice, 'DB', ['a']);
      const script = fault.inTurn('TransactWriteItems', [{ after: error }, { before: error }]);
      expect((await update(alice, script)).version.version).toBe(2);
      expect(await versionsOf(alice)).toEqual([1, 2]);
    });

    it('counts as one success of an update with If-Match, not as a version conflict', async () => {
      const alice = someone();
      await makeSecret(vault.ports, alice, 'DB', ['a']);
      const script = fault.inTurn('TransactWriteItems', [{ after: error }]);
      expect((await update(alice, script, { ifMatch: [1] })).version.version).toBe(2);
    });

    it('succeeds by a read of the stored item when every attempt lost its reply', async () => {
      const alice = someone();
      const lost = { after: error };
      const script = fault.inTurn('PutItem', [lost, lost, lost]);
      expect((await create(alice, script)).version.version).toBe(1);
      const updating = fault.inTurn('TransactWriteItems', [lost, lost, lost]);
      expect((await update(alice, updating)).version.version).toBe(2);
      expect(await versionsOf(alice)).toEqual([1, 2]);
    });
  });

  it('recognises its own version after later updates by others', async () => {
    const alice = someone();
    let turn = 0;
    const script: fault.Script = (command) => {
      if (command !== 'PutItem') return undefined;
      turn += 1;
      return turn === 1 ? { after: fault.timedOut } : undefined;
    };
    const clock: Clock = {
      ...virtualClock(),
      sleep: async () => {
        await addVersion(vault.ports, alice, 'DB', 'other');
        await addVersion(vault.ports, alice, 'DB', 'another');
      },
    };
    expect((await create(alice, script, { clock })).version.version).toBe(1);
    expect(await versionsOf(alice)).toEqual([1, 2, 3]);
  });

  it('answers outcome_unknown if the conflicting item may be its own and cannot be read', async () => {
    const alice = someone();
    let puts = 0;
    const script: fault.Script = (command) => {
      if (command !== 'PutItem') return { before: fault.serverError };
      puts += 1;
      return puts === 1 ? { after: fault.timedOut } : undefined;
    };
    const clock: Clock = {
      ...virtualClock(),
      sleep: async () => {
        if (puts === 1) await addVersion(vault.ports, alice, 'DB', 'other');
      },
    };
    await expect(create(alice, script, { clock })).rejects.toMatchObject({
      code: 'outcome_unknown',
    });
    expect(await versionsOf(alice)).toEqual(expect.arrayContaining([1, 2]));
  });

  it('recognises the version of another update, and writes the next one', async () => {
    const alice = someone();
    await makeSecret(vault.ports, alice, 'DB', ['a']);
    const clock: Clock = {
      ...virtualClock(),
      sleep: async () => {
        if ((await versionsOf(alice)).length === 1) {
          await addVersion(vault.ports, alice, 'DB', 'other');
        }
      },
    };
    const script = fault.inTurn('TransactWriteItems', [{ before: fault.timedOut }]);
    expect((await update(alice, script, { clock })).version.version).toBe(3);
    expect(await versionsOf(alice)).toEqual([1, 2, 3]);
  });

  it('answers outcome_unknown if nothing is stored and an attempt may still take effect', async () => {
    const alice = someone();
    const lost = { before: fault.timedOut };
    const script = fault.inTurn('PutItem', [lost, lost, lost]);
    await expect(create(alice, script)).rejects.toMatchObject({ code: 'outcome_unknown' });
    await makeSecret(vault.ports, alice, 'DB', ['a']);
    const updating = fault.inTurn('TransactWriteItems', [lost, lost, lost]);
    await expect(update(alice, updating)).rejects.toMatchObject({ code: 'outcome_unknown' });
  });

  it('answers outcome_unknown if it cannot read the stored item either', async () => {
    const alice = someone();
    const script: fault.Script = (command) =>
      command === 'PutItem' || command === 'GetItem' ? { before: fault.serverError } : undefined;
    await expect(create(alice, script)).rejects.toMatchObject({ code: 'outcome_unknown' });
  });

  it('answers secret_exists if another create came first, even after unclear attempts', async () => {
    const alice = someone();
    await makeSecret(vault.ports, alice, 'DB', ['a']);
    const lost = { before: fault.timedOut };
    const script = fault.inTurn('PutItem', [lost, lost, lost]);
    await expect(create(alice, script)).rejects.toMatchObject({ code: 'secret_exists' });
  });

  describe('whose calls certainly have no effect', () => {
    it.each([
      ['was never connected', fault.connectionRefused],
      ['was denied', fault.denied],
    ])('answers store_unavailable and writes nothing if every attempt %s', async (_, error) => {
      const alice = someone();
      const script: fault.Script = (command) =>
        command === 'PutItem' ? { before: error } : undefined;
      await expect(create(alice, script)).rejects.toMatchObject({ code: 'store_unavailable' });
      await expect(versionsOf(alice)).rejects.toMatchObject({ code: 'not_found' });
    });

    // Shows G13.
    it('retries while throttled or in conflict, and succeeds once', async () => {
      const alice = someone();
      const { throttled, conflicted } = fault;
      const clock = virtualClock();
      const script = fault.inTurn('PutItem', [
        { before: throttled },
        { before: conflicted },
        { before: throttled },
        { before: throttled },
      ]);
      expect((await create(alice, script, { clock })).version.version).toBe(1);
      expect(await versionsOf(alice)).toEqual([1]);
    });

    it('answers throttled within eight seconds and writes nothing', async () => {
      const alice = someone();
      const clock = virtualClock();
      const script: fault.Script = (command) =>
        command === 'PutItem' ? { before: fault.throttled } : undefined;
      await expect(create(alice, script, { clock })).rejects.toMatchObject({ code: 'throttled' });
      expect(clock.elapsed()).toBeGreaterThan(7_000);
      expect(clock.elapsed()).toBeLessThan(8_000);
    });

    it('answers outcome_unknown if an earlier attempt was unclear', async () => {
      const alice = someone();
      const { timedOut, connectionRefused } = fault;
      const script = fault.inTurn('PutItem', [
        { before: timedOut },
        { before: connectionRefused },
        { before: connectionRefused },
      ]);
      await expect(create(alice, script)).rejects.toMatchObject({ code: 'outcome_unknown' });
    });
  });
});
