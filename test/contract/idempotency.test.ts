/**
 * Requests with an Idempotency-Key are repeated: at once, concurrently, up to 49 hours later, by
 * another subject, with different content. Each takes effect once, or is refused as documented.
 */
import { describe, expect, it } from '@jest/globals';
import { ApiError } from '../../functions/model/errors.ts';
import { times } from '../../functions/model/limits.ts';
import type { Principal } from '../../functions/model/types.ts';
import type { Ports } from '../../functions/vault/request.ts';
import { changedPorts } from '../support/changed-ports.ts';
import { effectsOf } from '../support/effects.ts';
import type { Operation } from '../support/operations.ts';
import { codeOf } from '../support/refusals.ts';
import { requestContext, someone } from '../support/requests.ts';
import { keyedWriters } from '../support/routes.ts';
import { addVersion, makeSecret } from '../support/secrets.ts';
import { useEmbedded } from '../support/use-embedded.ts';
import { vaultOver, withoutRecords } from '../support/vault.ts';

const vault = useEmbedded();

const key = 'k'.repeat(20);
const hour = 3_600_000;
const began = Date.now();
const updates = ['update-secret', 'copy-secret', 'encrypt-env of next versions'];

describe.each(keyedWriters)('a repeated keyed request of $name', (operation) => {
  const { writes, leaves } = operation;
  const prepared = async (of: Operation = operation, principal = someone()): Promise<Principal> => {
    await of.prepare(vault.ports, principal);
    return principal;
  };
  /** Also makes the secrets of another operation, unless there are some with these names. */
  const prepareToo = async (of: Operation, principal: Principal): Promise<void> => {
    if (of.prepare === operation.prepare) return;
    const code = await of.prepare(vault.ports, principal).then(
      () => undefined,
      ({ code: refused }) => refused,
    );
    expect([undefined, 'secret_exists']).toContain(code);
  };
  type More = { readonly after?: number; readonly ports?: Ports; readonly of?: Operation };
  const run = (principal: Principal, { after = 0, ports, of = operation }: More = {}) => {
    const context = requestContext({ now: began + after });
    return of.run(key)(ports ?? vault.ports, context, principal);
  };
  const effects = (principal: Principal) => effectsOf(vault.ports, principal, operation);
  const others = keyedWriters.filter((other) => other !== operation);

  // Shows G6.
  it.each([0, 24 * hour, 48 * hour - 1_000])(
    'returns the first answer and has no second effect %s ms later, whatever came between',
    async (after) => {
      const principal = await prepared();
      const first = await run(principal);
      expect(first.replayed).toBe(false);
      for (const { name } of writes) {
        if (leaves === 'deleted') await vaultOver(vault.ports).create(principal, name, 'later');
        else await addVersion(vault.ports, principal, name, 'later');
      }
      expect(await run(principal, { after })).toEqual({ ...first, replayed: true });
      expect(await effects(principal)).toEqual([1]);
    },
  );

  // Shows G6.
  it('takes effect once if sixteen run at once, and fifteen answers are marked as replays', async () => {
    const principal = await prepared();
    const all = await Promise.all(Array.from({ length: 16 }, () => run(principal)));
    expect(new Set(all.map(({ written, told }) => JSON.stringify([written, told]))).size).toBe(1);
    expect(all.filter(({ replayed }) => !replayed)).toHaveLength(1);
    expect(await effects(principal)).toEqual([1]);
  });

  it.each([
    ['after 49 hours, when the key is free', {}, times.idempotencyKeptMs + hour],
    ['under the same key of another subject', { subject: 'mallory' }, 0],
  ])('is treated as a new request %s', async (_, other, after) => {
    const principal = await prepared();
    await run(principal);
    // As a new request, a create finds the name taken, and a deletion finds it deleted. An update
    // writes the next version.
    const again = await run({ ...principal, ...other }, { after }).catch(({ code }) => code);
    if (updates.includes(operation.name)) {
      const written = writes.map(({ name, version }) => ({ name, version: version + 1 }));
      expect(again).toMatchObject({ replayed: false, written });
    } else expect(again).toBe(leaves === 'deleted' ? 'not_found' : 'secret_exists');
  });

  it('answers idempotency_key_reused if its key is sent with another operation', async () => {
    const principal = await prepared();
    await run(principal);
    for (const of of others) {
      await prepareToo(of, principal);
      const before = await effects(principal);
      expect(await codeOf(() => run(principal, { of }))).toBe('idempotency_key_reused');
      expect(await effects(principal)).toEqual(before);
    }
  });

  it('returns the first answer if only the condition of its write finds the record, unless it fails before its write', async () => {
    const principal = await prepared();
    const ports = withoutRecords(vault.ports);
    const first = await run(principal, { ports });
    // These two operations read the head first and fail there, so they never try a write that would
    // find the record.
    const looking = { 'delete-secret': 'not_found', 'copy-secret that creates': 'secret_exists' };
    const refused = Object.entries(looking).find(([name]) => name === operation.name)?.[1];
    if (refused !== undefined) {
      expect(await codeOf(() => run(principal, { ports }))).toBe(refused);
      return;
    }
    expect(await run(principal, { ports })).toEqual({ ...first, replayed: true });
    for (const of of others) {
      await prepareToo(of, principal);
      expect(await codeOf(() => run(principal, { ports, of }))).toBe('idempotency_key_reused');
    }
    expect(await effects(principal)).toEqual([1]);
  });

  it('answers store_unavailable, even the first time, and stores nothing if its record cannot be read', async () => {
    const principal = await prepared();
    const ports = changedPorts(vault.ports, {
      store: () => ({
        findRecord: async () => {
          throw new ApiError('store_unavailable', '');
        },
      }),
    });
    expect(await codeOf(() => run(principal, { ports }))).toBe('store_unavailable');
    expect(await effects(principal)).toEqual([0]);
  });

  it('is refused once its names are hidden from the caller', async () => {
    const principal = await prepared();
    await run(principal);
    const code = await codeOf(() => run({ ...principal, names: [] }));
    const replaces = [...updates, 'delete-secret'].includes(operation.name);
    expect(code).toBe(replaces ? 'not_found' : 'forbidden');
  });
});

it('a repeated update returns the first answer without checking If-Match, which is part of its content', async () => {
  const alice = someone();
  await makeSecret(vault.ports, alice, 'DB', ['a']);
  const update = (ifMatch: number[]) =>
    vaultOver(vault.ports).update(alice, 'DB', 'b', { key, ifMatch });
  await update([1]);
  expect((await update([1])).replayed).toBe(true);
  await expect(update([2])).rejects.toMatchObject({ code: 'idempotency_key_reused' });
});

it('a keyed create logs whether it was new, a repeat, or used a key that was already taken', async () => {
  const alice = someone();
  const [answers, decisions]: [unknown[], unknown[]] = [[], []];
  for (const value of ['x', 'x', 'y']) {
    const context = requestContext();
    const created = vaultOver(vault.ports).create(alice, 'DB', value, { key, context });
    answers.push(
      await created.then(
        ({ replayed }) => replayed,
        ({ code }) => code,
      ),
    );
    decisions.push(context.journal.decisions.map(({ decision }) => decision));
  }
  expect(answers).toEqual([false, true, 'idempotency_key_reused']);
  expect(decisions).toEqual([['created'], ['replayed'], ['idempotency_key_reused']]);
});

describe('the record of a keyed update', () => {
  /** The record is written at the start of a second. */
  const written = 1_700_000_000_000;
  /**
   * The first millisecond of the last second in which the record counts. Expiry has a resolution of
   * one second.
   */
  const lastSecond = written + times.idempotencyKeptMs;

  const repeatAt = async (now: number, ports: Ports, ifMatch?: readonly number[]) => {
    const alice = someone();
    await makeSecret(vault.ports, alice, 'DB', ['a'], written - 1_000);
    await vaultOver(vault.ports).update(alice, 'DB', 'b', { key, ifMatch, now: written });
    const again = await vaultOver(ports).update(alice, 'DB', 'b', { key, ifMatch, now });
    return { version: again.version.version, replayed: again.replayed };
  };
  /** Only a read finds the record: a write would be refused, because If-Match no longer holds. */
  const found = (now: number) => repeatAt(now, vault.ports, [1]);
  /** Only the condition of the write finds the record, because reads do not return it. */
  const met = (now: number) => repeatAt(now, withoutRecords(vault.ports));

  it.each([0, 1, 999])(
    'answers a repeated request %i ms into its last second, found by a read or by a write',
    async (ms) => {
      const repeated = { version: 2, replayed: true };
      expect(await found(lastSecond + ms)).toEqual(repeated);
      expect(await met(lastSecond + ms)).toEqual(repeated);
    },
  );

  it('is ignored after its last second, by a read and by a write', async () => {
    await expect(found(lastSecond + 1_000)).rejects.toMatchObject({ code: 'version_conflict' });
    expect(await met(lastSecond + 1_000)).toEqual({ version: 3, replayed: false });
  });
});
