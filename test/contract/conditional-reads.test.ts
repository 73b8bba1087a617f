/** Reads by a caller that may already have the answer. */
import { describe, expect, it } from '@jest/globals';
import type { Principal } from '../../functions/model/types.ts';
import { codeOf } from '../support/refusals.ts';
import { requestContext, someone } from '../support/requests.ts';
import { addVersion, makeSecret } from '../support/secrets.ts';
import { callsOfPort } from '../support/test-store.ts';
import { askOf, useEmbedded } from '../support/use-embedded.ts';
import { whileDisabled } from '../support/vault.ts';

const vault = useEmbedded();
const ask = askOf(vault);

const began = 1_700_000_000_000;
/** A new caller with the secrets `DB` and `OTHER`. */
const withSecrets = async (): Promise<Principal> => {
  const alice = someone();
  await makeSecret(vault.ports, alice, 'DB', ['a', 'b'], began);
  await makeSecret(vault.ports, alice, 'OTHER', ['o'], began);
  return alice;
};

describe('a get with If-None-Match', () => {
  it('says that the current version is unchanged if the caller has it', async () => {
    const alice = await withSecrets();
    for (const [ifNoneMatch, isUnchanged] of [
      ['*', true],
      [[2], true],
      [[1, 2], true],
      [[1], false],
      [[3], false],
      [[], false],
      [undefined, false],
    ] as const) {
      const answer = { version: 2, isUnchanged };
      expect(await ask.getUnless(alice, 'DB', ifNoneMatch)).toEqual(answer);
    }
    await addVersion(vault.ports, alice, 'DB', 'c');
    expect(await ask.getUnless(alice, 'DB', [2])).toEqual({ version: 3, isUnchanged: false });
  });

  it('answers not_found for a secret that is missing, deleted or hidden', async () => {
    const alice = await withSecrets();
    const blind = { ...alice, names: [] };
    expect(await codeOf(() => ask.getUnless(blind, 'DB', '*'))).toBe('not_found');
    expect(await codeOf(() => ask.getUnless(alice, 'MISSING', '*'))).toBe('not_found');
    await ask.delete(alice, 'DB');
    for (const ifNoneMatch of ['*', [2], [3]] as const) {
      expect(await codeOf(() => ask.getUnless(alice, 'DB', ifNoneMatch))).toBe('not_found');
    }
    // The name is used again, but with a new version number.
    await ask.create(alice, 'DB', 'b');
    expect(await ask.getUnless(alice, 'DB', [2])).toEqual({ version: 4, isUnchanged: false });
  });

  it('needs no master key if the version is unchanged', async () => {
    const alice = await withSecrets();
    await whileDisabled(vault, async () => {
      expect(await ask.getUnless(alice, 'DB', [2])).toEqual({ version: 2, isUnchanged: true });
      expect(await codeOf(() => ask.getUnless(alice, 'DB', [1]))).toBe('master_key_unavailable');
    });
  });
});

describe('an expansion with the tag of an earlier answer', () => {
  const file = 'A=secret(DB)\nB=secret(OTHER)\nC=secret(DB@1)\n';
  type Options = NonNullable<Parameters<typeof ask.expand>[2]>;
  const tagOf = async (alice: Principal, content = file, asked: Options = {}) => {
    const { tag } = await ask.expand(alice, content, asked);
    return tag ?? '';
  };
  /** Whether the reply says that nothing changed since the answer with the tag `unless`. */
  const isUnchanged = async (
    alice: Principal,
    unless: string,
    content = file,
    asked: Options = {},
  ) => {
    const answer = await ask.expandUnless(alice, content, { ...asked, unless });
    if (!('unchanged' in answer)) return false;
    expect(answer).toEqual({ unchanged: true, tag: unless });
    return true;
  };

  it('is answered as unchanged until a secret that it reads has changed', async () => {
    const alice = await withSecrets();
    const tag = await tagOf(alice);
    expect(tag).toMatch(/^[A-Za-z0-9_-]{43}$/);
    expect(await isUnchanged(alice, tag)).toBe(true);
    await makeSecret(vault.ports, alice, 'UNREAD', ['x']);
    expect(await isUnchanged(alice, tag)).toBe(true);
    await addVersion(vault.ports, alice, 'OTHER', 'o');
    expect(await isUnchanged(alice, tag)).toBe(false);
    expect(await isUnchanged(alice, await tagOf(alice))).toBe(true);
  });

  it('is answered in full for another file, dialect or form of the reply', async () => {
    const alice = await withSecrets();
    const tag = await tagOf(alice);
    const other = 'A=secret(OTHER)\nB=secret(DB)\nC=secret(DB@1)\n';
    for (const [content, asked] of [
      [other, {}],
      [`${file}\n`, {}],
      [file, { dialect: 'docker' }],
      [file, { pin: true }],
      [file, { reply: 'text' }],
    ] as const) {
      expect(await isUnchanged(alice, tag, content, asked)).toBe(false);
      const own = await tagOf(alice, content, asked);
      expect(own).not.toBe(tag);
      expect(await isUnchanged(alice, own, content, asked)).toBe(true);
    }
  });

  it('is answered in full for the same values of another tenant, or of a secret that was created again', async () => {
    const [alice, bob] = [await withSecrets(), await withSecrets()];
    const tag = await tagOf(alice);
    expect(await isUnchanged(bob, tag)).toBe(false);
    await ask.delete(alice, 'DB');
    await ask.create(alice, 'DB', 'b');
    expect(await isUnchanged(alice, tag)).toBe(false);
  });

  it('is answered as unchanged as of every instant with the same versions', async () => {
    const alice = await withSecrets();
    const tag = await tagOf(alice, file, { at: began + 1_500 });
    expect(await isUnchanged(alice, tag, file, { at: began + 1_000 })).toBe(true);
    expect(await isUnchanged(alice, tag)).toBe(true);
    const earlier = 'A=secret(DB)\n';
    const then = await tagOf(alice, earlier, { at: began + 999 });
    expect(await isUnchanged(alice, then, earlier)).toBe(false);
  });

  it('needs no master key while nothing changed, and makes one call to the store', async () => {
    const alice = await withSecrets();
    const tag = await tagOf(alice, 'A=secret(DB)\n');
    const context = requestContext();
    await whileDisabled(vault, async () => {
      expect(await isUnchanged(alice, tag, 'A=secret(DB)\n', { context })).toBe(true);
      const changed = () => isUnchanged(alice, tag, 'B=secret(DB)\n');
      expect(await codeOf(changed)).toBe('master_key_unavailable');
    });
    expect(callsOfPort(context.journal.storeCalls)).toEqual(['Get']);
    expect(context.journal.kmsCalls).toEqual([]);
  });

  it('reports missing names and destroyed versions, whatever the tag', async () => {
    const alice = await withSecrets();
    const tag = await tagOf(alice);
    await ask.destroy(alice, 'DB', 1);
    expect(await codeOf(() => isUnchanged(alice, tag))).toBe('version_destroyed');
    await ask.delete(alice, 'OTHER');
    expect(await codeOf(() => isUnchanged(alice, tag))).toBe('not_found');
  });
});
