/** How the vault's store treats answers that only some implementations of `Items` give. */
import { describe, expect, it } from '@jest/globals';
import { ApiError } from '../../../functions/model/errors.ts';
import type { DestroyedVersion } from '../../../functions/model/types.ts';
import { type Items, NotSent } from '../../../functions/store/ports.ts';
import { createStore } from '../../../functions/store/store.ts';
import { refusalOf } from '../../support/refusals.ts';
import { requestContext, someone, vaultId } from '../../support/requests.ts';
import { virtualClock } from '../../support/virtual-clock.ts';

/** A store whose writes get these answers in turn. The last one is repeated. */
const answering = (...answers: (Error | Awaited<ReturnType<Items['write']>>)[]) => {
  const context = requestContext({ clock: virtualClock() });
  let calls = 0;
  const write: Items['write'] = async () => {
    const answer = answers[Math.min(calls, answers.length - 1)] ?? 'written';
    calls += 1;
    if (answer instanceof Error) throw answer;
    return answer;
  };
  const unused = () => Promise.reject(new Error('the test does not read'));
  const items = { get: unused, range: unused, names: unused, probe: unused, write };
  const store = createStore(() => items, vaultId).for(context, someone({ tenant: 'acme' }));
  return { store, calls: () => calls };
};

const destroyed: DestroyedVersion = {
  ...{ vault: vaultId, tenant: 'acme', name: 'DB', state: 'destroyed', version: 4 },
  ...{ validFrom: 1_700_000_000_000, createdBy: 'alice', writeId: 'before' },
  ...{ masterKeyId: 'k', destroyedAt: 1_750_000_000_000, destroyedBy: 'alice' },
};
const validTo = 1_740_000_000_000;
const record = {
  keyHash: 'hash',
  record: {
    ...{ operation: 'submit-env', writeId: 'mine', contentHash: new Uint8Array(32) },
    ...{ written: [], resolved: [], expiresAt: 1_900_000_000_000 },
  },
};

describe('a destruction in the store', () => {
  it('is retried if the store answers that it did not check the guard', async () => {
    const { store, calls } = answering([{ is: 'unchecked' }], 'written');
    expect(await store.destroy(destroyed, validTo)).toEqual(destroyed);
    expect(calls()).toBe(2);
  });
});

describe('a write to the store', () => {
  const write = { changes: [], unchanged: [], record };

  it('fails as internal if the store calls it malformed', async () => {
    const { store } = answering(new ApiError('internal', 'malformed'));
    await expect(store.write(write)).rejects.toMatchObject({ code: 'internal' });
  });

  it("is refused, with the store's error as the cause, if it was not sent", async () => {
    const said = new Error('no connection');
    const { store } = answering(new NotSent('unavailable', { cause: said }));
    expect(await store.write(write)).toEqual({
      outcome: 'refused',
      reason: 'unavailable',
      cause: said,
    });
  });

  it('fails as internal if the store refuses it although all guards hold', async () => {
    const { store } = answering([{ is: 'held' }]);
    const refusal = await refusalOf(() => store.write(write));
    expect(refusal).toMatchObject({ code: 'internal' });
  });
});
