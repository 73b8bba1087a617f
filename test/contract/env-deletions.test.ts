/** Files with names that were deleted, and with versions that were destroyed. */
import { describe, expect, it } from '@jest/globals';
import type { Principal } from '../../functions/model/types.ts';
import { beforeWrites } from '../support/changed-ports.ts';
import { codeOf, reportOf } from '../support/refusals.ts';
import { requestContext, someone } from '../support/requests.ts';
import { addVersion, makeSecret, versionsOf as versionsIn } from '../support/secrets.ts';
import { askOf, useEmbedded } from '../support/use-embedded.ts';
import { vaultOver, whileDisabled } from '../support/vault.ts';

const vault = useEmbedded();
const ask = askOf(vault);

const key = 'k'.repeat(20);
/** A new caller who had the secrets `names` and deleted them. */
const withDeleted = async (...names: readonly string[]): Promise<Principal> => {
  const alice = someone();
  const deleting = names.map(async (name) => {
    await makeSecret(vault.ports, alice, name, ['old']);
    await ask.delete(alice, name);
  });
  await Promise.all(deleting);
  return alice;
};
const creating = (...names: readonly string[]) =>
  names.map((name) => `${name}=new\nX_${name}=enc(${name})\n`).join('');
const versionsOf = (principal: Principal, name: string) => versionsIn(vault.ports, principal, name);

describe('a file that creates a deleted name again', () => {
  // Shows G8.
  it('writes the next version of the deleted name, together with the new names', async () => {
    const alice = await withDeleted('OLD');
    const { writes, ports } = beforeWrites(vault.ports);
    const context = requestContext();
    const answer = await vaultOver(ports).encrypt(alice, creating('NEW', 'OLD'), {
      context,
      note: 'imported',
    });
    expect(answer.created).toMatchObject([
      { name: 'NEW', version: 1 },
      { name: 'OLD', version: 3 },
    ]);
    // The first attempt requires that neither name exists. It fails on the deletion, so the second
    // attempt replaces that.
    const bases = writes.map(({ changes }) => changes.map(({ base }) => base?.version));
    expect(bases).toEqual([
      [undefined, undefined],
      [undefined, 2],
    ]);
    expect((await ask.get(alice, 'OLD')).text).toBe('new');
    for (const name of ['NEW', 'OLD']) {
      expect((await ask.get(alice, name)).stored.note).toBe('imported');
    }
    expect(context.journal.kmsCalls).toEqual(['GenerateDataKey', 'GenerateDataKey']);
    // An attempt that failed on a deletion does not count as a lost race.
    const decisions = context.journal.decisions.map(({ decision }) => decision);
    expect(decisions).toEqual(['created', 'created']);
  });

  it('gets the same answer from a dry run, which stores nothing', async () => {
    const alice = await withDeleted('OLD');
    const file = creating('OLD', 'NEW');
    const dry = await ask.submit(alice, file, { dryRun: true });
    expect(await versionsOf(alice, 'OLD')).toEqual([1, 2]);
    expect(dry.created).toContainEqual({ name: 'OLD', version: 3 });
    expect(await ask.submit(alice, file)).toMatchObject(dry);
  });

  it('stores nothing if another of its names exists, and lists only that name', async () => {
    const alice = await withDeleted('OLD');
    await makeSecret(vault.ports, alice, 'TAKEN', ['t']);
    for (const dryRun of [false, true]) {
      const submitted = () => ask.submit(alice, creating('OLD', 'TAKEN'), { dryRun });
      expect(await reportOf(submitted)).toEqual(['secret_exists', '4 secret_exists TAKEN']);
    }
    expect(await versionsOf(alice, 'OLD')).toEqual([1, 2]);
  });

  it('succeeds for one of eight concurrent requests, and the others store nothing', async () => {
    const alice = await withDeleted('OLD');
    const results = await Promise.allSettled(
      Array.from({ length: 8 }, (_, index) => ask.encrypt(alice, creating('OLD', `OWN${index}`))),
    );
    const won = results.flatMap(({ status }, index) => (status === 'fulfilled' ? [index] : []));
    expect(won).toHaveLength(1);
    expect(await versionsOf(alice, 'OLD')).toEqual([1, 2, 3]);
    for (let index = 0; index < 8; index += 1) {
      expect(await versionsOf(alice, `OWN${index}`)).toEqual(won.includes(index) ? [1] : []);
    }
  });

  it('replaces a newer deletion that was stored before its write', async () => {
    const alice = await withDeleted('OLD');
    const { writes, ports } = beforeWrites(vault.ports, async (turn) => {
      if (turn !== 2) return;
      await ask.create(alice, 'OLD', 'of another');
      await ask.delete(alice, 'OLD');
    });
    const { created } = await vaultOver(ports).encrypt(alice, creating('OLD'));
    expect(created).toMatchObject([{ name: 'OLD', version: 5 }]);
    expect(writes).toHaveLength(3);
  });

  it('returns the first answer when repeated with its key', async () => {
    const alice = await withDeleted('OLD');
    const first = await ask.encrypt(alice, creating('OLD'), { key });
    await ask.delete(alice, 'OLD');
    expect(await ask.encrypt(alice, creating('OLD'), { key })).toEqual({
      ...first,
      replayed: true,
    });
    expect(await versionsOf(alice, 'OLD')).toEqual([1, 2, 3, 4]);
  });

  it('may have at most 96 names, and each deleted one counts twice toward that limit', async () => {
    const names = Array.from({ length: 49 }, (_, index) => `N${index}`);
    const alice = await withDeleted(...names);
    const tooMany = { code: 'too_large', properties: { limit: 96 } };
    for (const dryRun of [true, false]) {
      // Over the limit of 96: 49 names that count twice, then 48 of them plus one that counts once.
      const all = ask.encrypt(alice, creating(...names), { dryRun });
      await expect(all).rejects.toMatchObject(tooMany);
      const more = ask.encrypt(alice, creating(...names.slice(1), 'FRESH'), { dryRun });
      await expect(more).rejects.toMatchObject(tooMany);
    }
    expect(await versionsOf(alice, 'N1')).toEqual([1, 2]);
    const fits = creating(...names.slice(1));
    const dry = await ask.encrypt(alice, fits, { dryRun: true, key });
    const answer = await ask.encrypt(alice, fits, { key });
    expect(answer).toMatchObject(dry);
    expect(new Set(answer.created.map(({ version }) => version))).toEqual(new Set([3]));
    // Existing names are reported before the limit on names.
    expect(await codeOf(() => ask.encrypt(alice, creating(...names)))).toBe('secret_exists');
  });

  it('fails with master_key_unavailable while the master key is disabled', async () => {
    const alice = await withDeleted('OLD');
    await whileDisabled(vault, async () => {
      for (const dryRun of [false, true]) {
        const code = await codeOf(() => ask.submit(alice, creating('OLD'), { dryRun }));
        expect(code).toBe('master_key_unavailable');
      }
    });
  });
});

describe('a file that reads a deleted name', () => {
  it('finds every earlier version, but no current value', async () => {
    const alice = await withDeleted('OLD');
    const file = 'A=secret(OLD)\nB=secret(OLD@1)\nC=secret(OLD@2)\nD=secret(OLD@3)\n';
    const missing = ['1', '3', '4'].map((line) => `${line} not_found OLD`);
    for (const send of [ask.expand, ask.submit]) {
      expect(await reportOf(() => send(alice, file))).toEqual(['not_found', ...missing]);
      expect((await send(alice, 'B=secret(OLD@1)\n')).content).toBe('B=old\n');
    }
  });

  it('finds the value that it had at an instant before the deletion', async () => {
    const alice = someone();
    const began = 1_700_000_000_000;
    await makeSecret(vault.ports, alice, 'DB', ['a', 'b'], began);
    await ask.delete(alice, 'DB', { now: began + 2_000 });
    await ask.create(alice, 'DB', 'c', { now: began + 3_000 });
    const at = (ms: number) => ask.expand(alice, 'X=secret(DB)\n', { at: began + ms });
    expect((await at(1_999)).content).toBe('X=b\n');
    expect(await reportOf(() => at(2_000))).toEqual(['not_found', '1 not_found DB']);
    expect(await reportOf(() => at(2_999))).toEqual(['not_found', '1 not_found DB']);
    expect((await at(3_000)).content).toBe('X=c\n');
  });

  it('answers not_found, and stores nothing, if the name is deleted between its read and its write', async () => {
    const alice = someone();
    await makeSecret(vault.ports, alice, 'DB', ['a']);
    const { ports } = beforeWrites(vault.ports, async (turn) => {
      if (turn === 1) await ask.delete(alice, 'DB');
    });
    const submitted = () => vaultOver(ports).submit(alice, `${creating('NEW')}T=secret(DB)\n`);
    expect(await reportOf(submitted)).toEqual(['not_found', '3 not_found DB']);
    expect(await versionsOf(alice, 'NEW')).toEqual([]);
  });
});

describe('a file that reads a destroyed version', () => {
  const withDestroyed = async () => {
    const alice = someone();
    await makeSecret(vault.ports, alice, 'DB', ['a', 'b', 'c']);
    await makeSecret(vault.ports, alice, 'TAKEN', ['t']);
    for (const version of [1, 2]) await ask.destroy(alice, 'DB', version);
    return alice;
  };

  it('is refused with version_destroyed, and every line that reads a destroyed version is listed', async () => {
    const alice = await withDestroyed();
    const file = 'A=secret(DB)\nB=secret(DB@1)\n\nC="x secret(DB@2)"\nD=secret(DB@1)\n';
    const lines = ['version_destroyed', '2 version_destroyed DB', '4 version_destroyed DB'];
    for (const send of [ask.expand, ask.submit]) {
      for (const dryRun of [false, true]) {
        expect(await reportOf(() => send(alice, file, { dryRun }))).toEqual(lines);
      }
    }
  });

  it('reports names that exist or are missing rather than the destroyed version, and stores nothing', async () => {
    const alice = await withDestroyed();
    const gone = 'A=secret(DB@1)\n';
    for (const dryRun of [false, true]) {
      const codeOfFile = (file: string) => codeOf(() => ask.submit(alice, file, { dryRun }));
      expect(await codeOfFile(`${gone}B=secret(NOWHERE)\n`)).toBe('not_found');
      expect(await codeOfFile(`${gone}B=secret(DB@9)\n`)).toBe('not_found');
      expect(await codeOfFile(gone + creating('TAKEN'))).toBe('secret_exists');
      expect(await codeOfFile(gone + creating('NEW'))).toBe('version_destroyed');
    }
    expect(await versionsOf(alice, 'NEW')).toEqual([]);
  });

  it('fails before the master key is called', async () => {
    const alice = await withDestroyed();
    await whileDisabled(vault, async () => {
      const expanded = () => ask.expand(alice, 'A=secret(DB@1)\nB=secret(DB)\n');
      expect(await codeOf(expanded)).toBe('version_destroyed');
    });
  });

  it('is refused with version_destroyed as of an instant at which the version was valid', async () => {
    const alice = someone();
    const began = 1_700_000_000_000;
    await makeSecret(vault.ports, alice, 'DB', ['a', 'b'], began);
    await ask.destroy(alice, 'DB', 1);
    const expanded = () => ask.expand(alice, 'A=secret(DB)\n', { at: began + 1 });
    expect(await reportOf(expanded)).toEqual(['version_destroyed', '1 version_destroyed DB']);
  });
});

describe('a repeated keyed file', () => {
  const file = 'A=secret(DB)\nB=secret(OTHER)\nC=secret(DB@1)\n';

  it('repeats the values of secrets that were deleted since', async () => {
    const alice = someone();
    for (const name of ['DB', 'OTHER']) await makeSecret(vault.ports, alice, name, ['a', 'b']);
    const first = await ask.submit(alice, file, { key });
    await ask.delete(alice, 'DB');
    expect(await ask.submit(alice, file, { key })).toEqual({ ...first, replayed: true });
  });

  it('is refused with version_destroyed, and every line whose version was destroyed since is listed', async () => {
    const alice = someone();
    for (const name of ['DB', 'OTHER']) await makeSecret(vault.ports, alice, name, ['a', 'b']);
    await ask.submit(alice, file, { key });
    await addVersion(vault.ports, alice, 'DB', 'c');
    for (const version of [1, 2]) await ask.destroy(alice, 'DB', version);
    const repeated = () => ask.submit(alice, file, { key });
    const lines = ['1 version_destroyed DB', '3 version_destroyed DB'];
    expect(await reportOf(repeated)).toEqual(['version_destroyed', ...lines]);
  });
});

describe('a note on a file', () => {
  it('makes the request fail if it contains a value of the file that has at least eight bytes', async () => {
    const alice = someone();
    const context = requestContext();
    const file = 'A=hunter22\nX=enc(A)\nB=seven77\nY=enc(B)\n';
    const refused = ask.submit(alice, file, { context, note: 'was hunter22' });
    const invalid = { code: 'invalid_request', properties: { field: 'note' } };
    await expect(refused).rejects.toMatchObject(invalid);
    expect(context.journal.storeCalls).toEqual([]);
    expect((await ask.submit(alice, file, { note: 'was seven77' })).created).toHaveLength(2);
  });
});
