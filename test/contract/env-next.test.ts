/** Files that store the next version of existing secrets. */
import { describe, expect, it } from '@jest/globals';
import { machineClock } from '../../functions/runtime/clock.ts';
import { createKeyedMutex } from '../../functions/vault/keyed-mutex.ts';
import type { Ports } from '../../functions/vault/request.ts';
import { encryptEnv, submitEnv } from '../../functions/vault/submit-env.ts';
import { updateSecret } from '../../functions/vault/update-secret.ts';
import { beforeWrites } from '../support/changed-ports.ts';
import { storeOver } from '../support/embedded.ts';
import * as fault from '../support/item-faults.ts';
import { refusalOf, reportOf } from '../support/refusals.ts';
import { bytes, requestContext, someone } from '../support/requests.ts';
import { historyOf, makeSecret } from '../support/secrets.ts';
import { callsOfPort } from '../support/test-store.ts';
import { askOf, useEmbedded } from '../support/use-embedded.ts';
import { file, vaultOver, whileDisabled } from '../support/vault.ts';

const vault = useEmbedded();
const ask = askOf(vault);

const key = 'k'.repeat(20);
/** For each name, one line with the new value and one line that stores it as the next version. */
const updating = (value: string, ...names: readonly string[]) =>
  names.map((name) => `${name}=${value}\nX_${name}="enc(${name}@next)"\n`).join('');
const valuesOf = async (alice: ReturnType<typeof someone>, ...names: readonly string[]) =>
  Promise.all(names.map(async (name) => (await ask.get(alice, name)).text));
/** A new caller with these secrets, each with one version and the value `old`. */
const withOld = async (...names: readonly string[]) => {
  const alice = someone();
  await Promise.all(names.map((name) => makeSecret(vault.ports, alice, name, ['old'])));
  return alice;
};
describe('a file that stores next versions', () => {
  // Shows G8.
  it('writes the next versions and its new secrets together, and also reads a secret', async () => {
    const alice = await withOld('USER', 'PASS', 'TOKEN');
    const content = `${updating('new', 'USER', 'PASS')}N=1\nY=enc(N)\nT=secret(TOKEN)\n`;
    const context = requestContext();
    const { writes, ports } = beforeWrites(vault.ports);
    const dry = await vaultOver(ports).submit(alice, content, { dryRun: true });
    expect([writes.length, await valuesOf(alice, 'USER', 'PASS')]).toEqual([0, ['old', 'old']]);
    const answer = await vaultOver(ports).submit(alice, content, { context, note: 'rotated' });
    expect(answer).toMatchObject(dry);
    expect(answer).toMatchObject({
      content:
        'USER=secret(USER)\nX_USER="secret(USER)"\nPASS=secret(PASS)\nX_PASS="secret(PASS)"\nN=secret(N)\nY=secret(N)\nT=old\n',
      created: [
        { name: 'USER', version: 2 },
        { name: 'PASS', version: 2 },
        { name: 'N', version: 1 },
      ],
      resolved: [{ name: 'TOKEN', version: 1 }],
    });
    expect(writes).toHaveLength(1);
    expect(await valuesOf(alice, 'USER', 'PASS', 'N')).toEqual(['new', 'new', '1']);
    const { note, validFrom } = (await ask.get(alice, 'USER')).stored;
    expect(note).toBe('rotated');
    const [first] = await historyOf(vault.ports, alice, 'USER');
    expect(first).toMatchObject({ version: 1, validTo: validFrom });
    const decisions = context.journal.decisions.map(({ decision }) => decision);
    expect(decisions).toEqual(['version_written', 'version_written', 'created']);
  });

  it('is rejected with every missing, deleted and hidden name and its line, and stores nothing', async () => {
    const alice = await withOld('A', 'GONE', 'HIDDEN');
    await ask.delete(alice, 'GONE');
    const blind = { ...alice, names: ['A', 'GONE', 'NOPE', 'N'] };
    const content = `${updating('new', 'A', 'NOPE', 'GONE', 'HIDDEN')}N=1\nY=enc(N)\nT=secret(NADA)\n`;
    for (const dryRun of [false, true]) {
      for (const keyed of dryRun ? [undefined] : [undefined, key]) {
        const context = requestContext();
        const asked = { dryRun, key: keyed, context };
        const refused = await reportOf(() => vaultOver(vault.ports).submit(blind, content, asked));
        const missing = ['4 not_found NOPE', '6 not_found GONE', '8 not_found HIDDEN'];
        expect(refused).toEqual(['not_found', ...missing, '11 not_found NADA']);
        expect(context.journal.kmsCalls).toEqual([]);
      }
    }
    // The reply gives one reason for all three names. The log distinguishes them.
    const { forLog } = await refusalOf(() => ask.encrypt(blind, content));
    expect(forLog).toEqual({ reasons: { never_existed: 1, deleted: 1, hidden: 1 } });
    expect(await valuesOf(alice, 'A')).toEqual(['old']);
    expect(await refusalOf(() => ask.get(alice, 'N'))).toMatchObject({ code: 'not_found' });
  });

  it('reports existing names first, then missing ones, then version conflicts, then destroyed versions', async () => {
    const alice = await withOld('A', 'TAKEN', 'PINNED');
    await ask.update(alice, 'PINNED', 'newer');
    await ask.destroy(alice, 'PINNED', 1);
    const ifVersions = new Map([['A', 9]]);
    const faults = [
      ['TAKEN=1\nB="enc(TAKEN)"\nN=secret(NOPE)\n', ['secret_exists', '4 secret_exists TAKEN']],
      ['TAKEN=1\nB="enc(TAKEN)"\n', ['secret_exists', '4 secret_exists TAKEN']],
      ['N=secret(NOPE)\n', ['not_found', '3 not_found NOPE']],
      ['', ['version_conflict', '2 version_conflict A']],
      ['P=secret(PINNED@1)\n', ['version_conflict', '2 version_conflict A']],
      ['P=secret(PINNED@1.AAAAAAAA)\n', ['version_conflict', '2 version_conflict A']],
    ] as const;
    for (const [index, [rest, expected]] of faults.entries()) {
      // Each file also has the errors that are reported later, to prove the order.
      const content = updating('new', 'A') + rest + (index < 3 ? 'P=secret(PINNED@1)\n' : '');
      for (const dryRun of [false, true]) {
        expect(await reportOf(() => ask.submit(alice, content, { ifVersions, dryRun }))).toEqual(
          expected,
        );
      }
    }
    const later = `${updating('new', 'A')}P=secret(PINNED@1)\n`;
    for (const dryRun of [false, true]) {
      const destroyed = ['version_destroyed', '3 version_destroyed PINNED'];
      expect(await reportOf(() => ask.submit(alice, later, { dryRun }))).toEqual(destroyed);
    }
    await whileDisabled(vault, async () => {
      const moved = () => ask.encrypt(alice, updating('new', 'A'), { ifVersions });
      expect((await reportOf(moved))[0]).toBe('version_conflict');
      const disabled = () => ask.encrypt(alice, updating('new', 'A'));
      expect((await reportOf(disabled))[0]).toBe('master_key_unavailable');
    });
    expect(await valuesOf(alice, 'A')).toEqual(['old']);
  });

  it('lists every name whose version is not the one in ifVersions, and stores nothing', async () => {
    const alice = await withOld('A', 'B', 'C');
    await ask.update(alice, 'A', 'newer');
    await ask.update(alice, 'C', 'newer');
    const send = (A: number, C: number) =>
      ask.encrypt(alice, updating('new', 'A', 'B', 'C'), {
        ifVersions: new Map(Object.entries({ A, C })),
      });
    const lines = ['2 version_conflict A', '6 version_conflict C'];
    expect(await reportOf(() => send(1, 1))).toEqual(['version_conflict', ...lines]);
    expect(await reportOf(() => send(2, 3))).toEqual(['version_conflict', lines[1]]);
    expect(await valuesOf(alice, 'A', 'B', 'C')).toEqual(['newer', 'old', 'newer']);
    const { created } = await send(2, 2);
    expect(created.map(({ version }) => version)).toEqual([3, 2, 3]);
  });

  // Shows G3, G8.
  it('reads and seals again after a lost race, unless ifVersions names the version that was replaced', async () => {
    const alice = await withOld('A', 'B');
    const { writes, ports } = beforeWrites(vault.ports, async (turn) => {
      if (turn < 3) await ask.update(alice, 'B', `of another ${turn}`);
    });
    let waits = 0;
    const sleep = async () => {
      waits += 1;
      if (waits === 1) await ask.update(alice, 'B', 'of another meanwhile');
    };
    const context = requestContext({ clock: { ...machineClock, sleep } });
    const { created } = await vaultOver(ports).encrypt(alice, updating('new', 'A', 'B'), {
      context,
    });
    expect(created).toMatchObject([
      { name: 'A', version: 2 },
      { name: 'B', version: 5 },
    ]);
    // Each attempt replaces the versions that it read itself.
    const bases = writes.map(({ changes }) => changes.map(({ base }) => base?.version));
    expect(bases).toEqual([
      [1, 1],
      [1, 3],
      [1, 4],
    ]);
    const decisions = context.journal.decisions.map(({ decision }) => decision);
    expect(decisions).toEqual(['lost_race', 'lost_race', 'version_written', 'version_written']);
    // The attempts share one data key per value.
    expect(context.journal.kmsCalls).toHaveLength(2);

    const racing = beforeWrites(vault.ports, () => ask.update(alice, 'B', 'of another'));
    const asked = { ifVersions: new Map([['B', 5]]) };
    const refused = () => vaultOver(racing.ports).encrypt(alice, updating('x', 'A', 'B'), asked);
    expect(await reportOf(refused)).toEqual(['version_conflict', '4 version_conflict B']);
    expect(racing.writes).toHaveLength(1);
    expect(await valuesOf(alice, 'A', 'B')).toEqual(['new', 'of another']);
  });

  it.each([
    ['a name was deleted', 'A', 'not_found'],
    ['a new name was created', 'N', 'secret_exists'],
  ] as const)('stores nothing if %s before its write', async (_, name, code) => {
    const alice = await withOld('A', 'B');
    const { ports } = beforeWrites(vault.ports, (turn) => {
      if (turn > 1) return Promise.resolve();
      return name === 'A' ? ask.delete(alice, name) : ask.create(alice, name, 'of another');
    });
    const content = `${updating('new', 'A', 'B')}N=1\nY=enc(N)\n`;
    const refused = await reportOf(() => vaultOver(ports).encrypt(alice, content));
    expect(refused).toEqual([code, expect.stringMatching(` ${code} ${name}$`)]);
    expect(await valuesOf(alice, 'B')).toEqual(['old']);
  });

  it('writes next versions, and deleted names again, in one file', async () => {
    const alice = await withOld('A', 'GONE');
    await ask.delete(alice, 'GONE');
    const content = `${updating('new', 'A')}GONE=new\nY=enc(GONE)\n`;
    const { created } = await ask.encrypt(alice, content);
    expect(created.map(({ version }) => version)).toEqual([2, 3]);
    expect(await valuesOf(alice, 'A', 'GONE')).toEqual(['new', 'new']);
  });

  // Shows G8.
  it('is never seen in part while eight such files race', async () => {
    const alice = await withOld('A', 'B');
    const files = Array.from({ length: 8 }, (_, index) =>
      ask.encrypt(alice, updating(`of ${index}`, ...(index % 2 ? ['A', 'B'] : ['B', 'A']))),
    );
    let isOver = false;
    const reading = (async () => {
      const seen = [];
      while (!isOver) seen.push((await ask.expand(alice, 'A=secret(A)\nB=secret(B)\n')).content);
      return seen;
    })();
    await Promise.all(files);
    isOver = true;
    for (const content of await reading) {
      const [, a, b] = /^A=(.*)\nB=(.*)\n$/.exec(content) ?? [];
      expect(a).toBe(b);
    }
    for (const name of ['A', 'B']) {
      const versions = (await historyOf(vault.ports, alice, name)).map(({ version }) => version);
      expect(versions).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
    }
  });

  it('waits in the queue of each secret that it updates, behind files and single updates', async () => {
    const alice = await withOld('A', 'B');
    const mutex = createKeyedMutex();
    const contexts = Array.from({ length: 12 }, () => requestContext());
    const request = file(updating('new', 'B', 'A'));
    const values = { ifMatch: undefined, fingerprint: undefined, value: bytes('new') };
    await Promise.all(
      contexts.map((context, index) => {
        if (index % 3 === 0) return encryptEnv(vault.ports, mutex)(context, alice, request);
        if (index % 3 === 1) return submitEnv(vault.ports, mutex)(context, alice, request);
        const update = { ...values, name: index % 2 ? 'A' : 'B' };
        return updateSecret(vault.ports, mutex)(context, alice, update);
      }),
    );
    const decisions = contexts.flatMap(({ journal }) => journal.decisions);
    expect(decisions.filter(({ decision }) => decision === 'lost_race')).toEqual([]);
  });

  it('waits in no queue if it is a dry run', async () => {
    const alice = await withOld('A');
    const mutex = createKeyedMutex();
    const { promise, resolve } = Promise.withResolvers<void>();
    const { ports } = beforeWrites(vault.ports, () => promise);
    const writing = encryptEnv(ports, mutex)(requestContext(), alice, file(updating('1', 'A')));
    const dry = file(updating('2', 'A'), { dryRun: true });
    const { created } = await encryptEnv(vault.ports, mutex)(requestContext(), alice, dry);
    expect(created).toEqual([{ name: 'A', version: 2 }]);
    resolve();
    await writing;
  });
});

describe('a keyed file that stores next versions', () => {
  // Shows G6.
  it('takes effect once, and repeats its answer after later updates', async () => {
    const alice = await withOld('A', 'B');
    const content = `${updating('new', 'A')}T=secret(B)\n`;
    const answers = await Promise.all(
      Array.from({ length: 4 }, () => ask.submit(alice, content, { key })),
    );
    expect(answers.filter(({ replayed }) => !replayed)).toHaveLength(1);
    await ask.update(alice, 'A', 'newer');
    await ask.delete(alice, 'A');
    const again = await ask.submit(alice, content, { key });
    expect(again).toEqual({ ...answers.find(({ replayed }) => replayed), replayed: true });
    expect(again.created).toMatchObject([{ name: 'A', version: 2 }]);
    expect(await historyOf(vault.ports, alice, 'A')).toHaveLength(4);
  });

  it('returns its first answer when repeated, although it has itself replaced the version in ifVersions', async () => {
    const alice = await withOld('A');
    const asked = { key, ifVersions: new Map([['A', 1]]) };
    const first = await ask.encrypt(alice, updating('new', 'A'), asked);
    expect(await ask.encrypt(alice, updating('new', 'A'), asked)).toEqual({
      ...first,
      replayed: true,
    });
  });

  // Shows G7.
  it('answers not_found when repeated if one of its names is now hidden from the caller', async () => {
    const alice = await withOld('A', 'B');
    const content = updating('new', 'A', 'B');
    await ask.encrypt(alice, content, { key });
    const blind = { ...alice, names: ['B'] };
    const refused = await reportOf(() => ask.encrypt(blind, content, { key }));
    expect(refused).toEqual(['not_found', '2 not_found A']);
  });

  it.each([
    ['with a key', key],
    ['without a key', undefined],
  ])('succeeds %s if the first attempt was stored and lost its reply', async (_, keyed) => {
    const alice = await withOld('A', 'B');
    const script = fault.inTurn('write', [{ after: fault.lost }]);
    const ports: Ports = {
      ...vault.ports,
      store: storeOver(fault.hostile(vault.itemsOf, script)),
    };
    const answer = await vaultOver(ports).encrypt(alice, updating('new', 'A', 'B'), { key: keyed });
    expect(answer.created.map(({ version }) => version)).toEqual([2, 2]);
    expect(await historyOf(vault.ports, alice, 'B')).toHaveLength(2);
  });
});

describe('a file with many or large next versions', () => {
  const namesOf = (count: number) => Array.from({ length: count }, (_, index) => `N${index}`);
  const sending = (names: readonly string[], size: number) => ({
    content: names.map((name) => `X_${name}="enc(${name}@next)"\n`).join(''),
    values: new Map(names.map((name) => [name, 'n'.repeat(size)])),
  });

  it('is stored with 48 if the old and new sealed values have 3 MiB together, and refused if they have more', async () => {
    const names = namesOf(48);
    const alice = someone();
    // The most that fits: 48 × (43,675 + 21,829) bytes plus 96 tags of 16 bytes are 3,145,728.
    const old = 'o'.repeat(43_675);
    await Promise.all(names.map((name) => makeSecret(vault.ports, alice, name, [old])));
    for (const dryRun of [true, false]) {
      const { content, values } = sending(names, 21_830);
      const context = requestContext();
      const refused = refusalOf(() => ask.encrypt(alice, content, { values, dryRun, context }));
      const properties = { limit: 3_145_728 };
      expect(await refused).toMatchObject({ code: 'too_large', properties });
      expect(callsOfPort(context.journal.storeCalls)).not.toContain('Write');
    }
    const { content, values } = sending(names, 21_829);
    const { created } = await ask.encrypt(alice, content, { values, key });
    expect(new Set(created.map(({ version }) => version))).toEqual(new Set([2]));
    expect((await ask.encrypt(alice, content, { values, key })).created).toEqual(created);
  });

  it('counts each next version, and each name created again, twice toward the limit of 96 names', async () => {
    const alice = await withOld(...namesOf(47), 'GONE');
    await ask.delete(alice, 'GONE');
    const { content, values } = sending(namesOf(47), 1);
    const more = (line: string) =>
      ask.encrypt(alice, content + line, { values: new Map([...values, ['GONE', 'x']]) });
    const again = 'Y=enc(GONE)\n';
    const tooMany = { code: 'too_large', properties: { limit: 96 } };
    const refused = await refusalOf(() => more(`${again}FRESH=1\nZ=enc(FRESH)\n`));
    expect(refused).toMatchObject(tooMany);
    expect((await more(again)).created).toHaveLength(48);
  });
});
