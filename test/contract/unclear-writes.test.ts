/**
 * Writes whose replies are lost, on the embedded store behind a hostile connection: what the vault
 * says of them is what became of them.
 */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { fingerprint } from '../../functions/crypto/fingerprint.ts';
import type { Principal } from '../../functions/model/types.ts';
import { createSecret } from '../../functions/vault/create-secret.ts';
import type { Clock } from '../../functions/vault/ports.ts';
import { updateSecret } from '../../functions/vault/update-secret.ts';
import { type Embedded, startEmbedded, storeOver } from '../support/embedded.ts';
import * as fault from '../support/faults.ts';
import { bytes, requestContext, someone } from '../support/requests.ts';
import { addVersion, historyOf, makeSecret } from '../support/secrets.ts';
import { virtualClock } from '../support/virtual-clock.ts';

describe('a write whose reply is lost', () => {
  let vault: Embedded;
  beforeAll(async () => {
    vault = await startEmbedded();
  });
  afterAll(() => vault.close());

  /** The vault's ports with a script between it and the store. */
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

  describe.each(unclear)('to %s after it was applied', (_, error) => {
    it('is one success of a create, never a false refusal', async () => {
      const alice = someone();
      const { version, replayed } = await create(
        alice,
        fault.inTurn('PutItem', [{ after: error }]),
      );
      expect([version.version, replayed]).toEqual([1, false]);
      expect(await versionsOf(alice)).toEqual([1]);
    });

    it('is one success of a keyed create, and not a replay', async () => {
      const alice = someone();
      const script = fault.inTurn('TransactWriteItems', [{ after: error }]);
      const { version, replayed } = await create(alice, script, { key });
      expect([version.version, replayed]).toEqual([1, false]);
    });

    it('is one success of an update, never a second version', async () => {
      const alice = someone();
      await makeSecret(vault.ports, alice, 'DB', ['a']);
      const script = fault.inTurn('TransactWriteItems', [{ after: error }, { before: error }]);
      expect((await update(alice, script)).version.version).toBe(2);
      expect(await versionsOf(alice)).toEqual([1, 2]);
    });

    it('is one success of an update with If-Match, never a version conflict', async () => {
      const alice = someone();
      await makeSecret(vault.ports, alice, 'DB', ['a']);
      const script = fault.inTurn('TransactWriteItems', [{ after: error }]);
      expect((await update(alice, script, { ifMatch: [1] })).version.version).toBe(2);
    });

    it('is found by a look when every try lost its reply', async () => {
      const alice = someone();
      const lost = { after: error };
      const script = fault.inTurn('PutItem', [lost, lost, lost]);
      expect((await create(alice, script)).version.version).toBe(1);
      const updating = fault.inTurn('TransactWriteItems', [lost, lost, lost]);
      expect((await update(alice, updating)).version.version).toBe(2);
      expect(await versionsOf(alice)).toEqual([1, 2]);
    });
  });

  it('is recognised as its own though others went on from it', async () => {
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

  it('is outcome_unknown if it may be its own and what stands in the way cannot be read', async () => {
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

  it('is another’s if another’s version stands where its own would', async () => {
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

  it('is outcome_unknown if nothing of it is there and a try may still take effect', async () => {
    const alice = someone();
    const lost = { before: fault.timedOut };
    const script = fault.inTurn('PutItem', [lost, lost, lost]);
    await expect(create(alice, script)).rejects.toMatchObject({ code: 'outcome_unknown' });
    await makeSecret(vault.ports, alice, 'DB', ['a']);
    const updating = fault.inTurn('TransactWriteItems', [lost, lost, lost]);
    await expect(update(alice, updating)).rejects.toMatchObject({ code: 'outcome_unknown' });
  });

  it('is outcome_unknown if the look fails too', async () => {
    const alice = someone();
    const script: fault.Script = (command) =>
      command === 'PutItem' || command === 'GetItem' ? { before: fault.serverError } : undefined;
    await expect(create(alice, script)).rejects.toMatchObject({ code: 'outcome_unknown' });
  });

  it('is secret_exists if another’s create came first, however unclear its own tries', async () => {
    const alice = someone();
    await makeSecret(vault.ports, alice, 'DB', ['a']);
    const lost = { before: fault.timedOut };
    const script = fault.inTurn('PutItem', [lost, lost, lost]);
    await expect(create(alice, script)).rejects.toMatchObject({ code: 'secret_exists' });
  });

  describe('that was refused for certain', () => {
    it.each([
      ['was never connected', fault.connectionRefused],
      ['was denied', fault.denied],
    ])('is store_unavailable if every try %s, with nothing written', async (_, error) => {
      const alice = someone();
      const script: fault.Script = (command) =>
        command === 'PutItem' ? { before: error } : undefined;
      await expect(create(alice, script)).rejects.toMatchObject({ code: 'store_unavailable' });
      await expect(versionsOf(alice)).rejects.toMatchObject({ code: 'not_found' });
    });

    it('is tried again while throttled or in conflict, and succeeds once', async () => {
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

    it('is throttled after eight seconds, with nothing written', async () => {
      const alice = someone();
      const clock = virtualClock();
      const script: fault.Script = (command) =>
        command === 'PutItem' ? { before: fault.throttled } : undefined;
      await expect(create(alice, script, { clock })).rejects.toMatchObject({ code: 'throttled' });
      expect(clock.elapsed()).toBeGreaterThan(7_000);
      expect(clock.elapsed()).toBeLessThan(8_000);
    });

    it('does not hide that an earlier try was unclear', async () => {
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
