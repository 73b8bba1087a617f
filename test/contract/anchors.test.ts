/**
 * An anchor identifies a version beyond its number: after a restore the same number can name a
 * different version.
 */
import { describe, expect, it } from '@jest/globals';
import { anchorOf } from '../../functions/crypto/fingerprint.ts';
import { written } from '../../functions/http/responses.ts';
import type { Principal } from '../../functions/model/types.ts';
import { codeOf, refusalOf } from '../support/refusals.ts';
import { someone } from '../support/requests.ts';
import { addVersion, historyOf, makeSecret } from '../support/secrets.ts';
import { openTable } from '../support/stored-items.ts';
import { askOf, useEmbedded } from '../support/use-embedded.ts';

const vault = useEmbedded();
const ask = askOf(vault);
const began = 1_700_000_000_000;
const key = 'k'.repeat(20);

const anchorsOf = async (alice: Principal, name: string): Promise<readonly string[]> =>
  (await historyOf(vault.ports, alice, name)).map(anchorOf);
/** Removes everything the tenant stored except its idempotency records. */
const forget = async ({ tenant }: Principal): Promise<void> => {
  const table = openTable(vault);
  const items = await table.itemsOf(tenant);
  await Promise.all(items.filter(({ sk }) => sk?.S !== 'RECORD').map(table.remove));
};

/**
 * `A` has four versions: 1 is destroyed, 3 is a deletion, and 4 was created after it. `B` has one
 * version.
 */
const withSecrets = async () => {
  const alice = someone();
  await makeSecret(vault.ports, alice, 'A', ['a1', 'a2'], began);
  await ask.destroy(alice, 'A', 1);
  await ask.delete(alice, 'A', { now: began + 2_000 });
  await ask.create(alice, 'A', 'a4');
  await makeSecret(vault.ports, alice, 'B', ['b1']);
  const [[a1 = '', a2 = '', a3 = '', a4 = ''], [b1 = '']] = await Promise.all([
    anchorsOf(alice, 'A'),
    anchorsOf(alice, 'B'),
  ]);
  return { alice, a1, a2, a3, a4, b1 };
};
type Anchors = Omit<Awaited<ReturnType<typeof withSecrets>>, 'alice'>;

const other = '-_0aZz9A';

describe('a pin with an anchor', () => {
  it.each<[string, (anchors: Anchors) => string, string, readonly string[]]>([
    [
      'that matches no version is refused, and the pins whose anchors match are not listed',
      ({ a2, b1 }) =>
        `W=secret(A@2.${a2})\nX=secret(A@2.${other})\nY=secret(B@1.${b1})secret(B@1.${other})\n`,
      'pin_mismatch',
      ['2:3 pin_mismatch A', '3:23 pin_mismatch B'],
    ],
    [
      'of another version of the same secret is refused',
      ({ a4 }) => `X=secret(A@2.${a4})\n`,
      'pin_mismatch',
      ['1:3 pin_mismatch A'],
    ],
    [
      'of the same version number of another secret is refused',
      ({ a1 }) => `X=secret(B@1.${a1})\n`,
      'pin_mismatch',
      ['1:3 pin_mismatch B'],
    ],
    [
      'that does not match is reported only after missing names',
      () => `X=secret(B@1.${other})\nY=secret(NONE)\nZ=secret(NONE@1.${other})\n`,
      'not_found',
      ['2:3 not_found NONE', '3:3 not_found NONE'],
    ],
    [
      'to a version beyond the current one is not found',
      ({ b1 }) => `X=secret(B@2.${b1})\n`,
      'not_found',
      ['1:3 not_found B'],
    ],
    [
      'to a deletion is not found, whatever its anchor is',
      ({ a3 }) => `X=secret(A@3.${a3})\nY=secret(A@3.${other})\n`,
      'not_found',
      ['1:3 not_found A', '2:3 not_found A'],
    ],
    [
      'that does not match is reported before destroyed versions',
      ({ a1 }) => `X=secret(A@1.${a1})\nY=secret(B@1.${other})\n`,
      'pin_mismatch',
      ['2:3 pin_mismatch B'],
    ],
    [
      'that matches no version is reported as a mismatch even if the version is destroyed',
      () => `X=secret(A@1.${other})\n`,
      'pin_mismatch',
      ['1:3 pin_mismatch A'],
    ],
    [
      'that matches a destroyed version is reported as destroyed',
      ({ a1 }) => `X=secret(A@1.${a1})\n`,
      'version_destroyed',
      ['1:3 version_destroyed A'],
    ],
  ])('%s', async (_, contentOf, code, errors) => {
    const { alice, ...anchors } = await withSecrets();
    const content = contentOf(anchors);
    const sends = [
      () => ask.expand(alice, content),
      () => ask.submit(alice, content),
      () => ask.submit(alice, content, { dryRun: true }),
      () => ask.submit(alice, `N=1\nM=enc(N)\n${content}`),
    ];
    for (const [index, send] of sends.entries()) {
      const refusal = await refusalOf(send);
      const lines = refusal.properties.errors?.map(
        ({ line, column, code: one, name }) =>
          `${line - (index === 3 ? 2 : 0)}:${column} ${one} ${name}`,
      );
      expect([refusal.code, lines, refusal.properties.errorsTotal]).toEqual([
        code,
        errors,
        errors.length,
      ]);
    }
    expect(await codeOf(() => ask.get(alice, 'N'))).toBe('not_found');
    expect(await ask.encrypt(alice, content)).toMatchObject({ content });
  });

  it('that does not match is reported only if every name that the file creates is still free', async () => {
    const { alice } = await withSecrets();
    const content = `A=1\nX=enc(A)\nY=secret(B@1.${other})\n`;
    for (const dryRun of [false, true]) {
      expect(await codeOf(() => ask.submit(alice, content, { dryRun }))).toBe('secret_exists');
    }
  });

  it('such as secret(A@2.HASH) reads that version, appears with its anchor in the reply, and stays unchanged in the pinned file', async () => {
    const { alice, a2, b1 } = await withSecrets();
    const content = `X=secret(A@2.${a2})secret(A@2)secret(B)\n`;
    const answer = await ask.expand(alice, content, { pin: true });
    expect(answer).toMatchObject({
      content: 'X=a2a2b1\n',
      pinned: `X=secret(A@2.${a2})secret(A@2)secret(B@1)\n`,
      resolved: [
        { name: 'A', version: 2, anchor: a2 },
        { name: 'A', version: 2, anchor: a2 },
        { name: 'B', version: 1, anchor: b1 },
      ],
    });
    await addVersion(vault.ports, alice, 'A', 'a5');
    expect((await ask.expand(alice, `X=secret(A@2.${a2})\n`)).content).toBe('X=a2\n');
  });

  it('is not found as of an instant before its version, whatever its anchor is', async () => {
    const { alice, a2 } = await withSecrets();
    for (const anchor of [a2, other]) {
      const asked = () => ask.expand(alice, `X=secret(A@2.${anchor})\n`, { at: began + 1 });
      expect(await codeOf(asked)).toBe('not_found');
    }
  });

  it("does not reveal a hidden name or another tenant's secret: both answer not_found like a missing name", async () => {
    const { alice, a2 } = await withSecrets();
    for (const stranger of [{ ...alice, names: ['B'] }, someone()]) {
      for (const anchor of [a2, other]) {
        for (const name of ['A', 'NONE']) {
          const asked = () => ask.expand(stranger, `X=secret(${name}@2.${anchor})\n`);
          expect(await refusalOf(asked)).toMatchObject({
            code: 'not_found',
            properties: { errors: [{ line: 1, column: 3, code: 'not_found', name }] },
          });
        }
      }
    }
  });

  // Shows G10.
  it('is refused if its version number was used again after a restore, even in a repeat of a keyed request', async () => {
    const { alice, b1 } = await withSecrets();
    const content = `N=1\nX=enc(N)\nY=secret(B@1.${b1})\n`;
    const first = await ask.submit(alice, content, { key });
    vault.tampered.add(alice.tenant);
    await forget(alice);
    await makeSecret(vault.ports, alice, 'B', ['another value']);
    expect((await ask.expand(alice, 'Y=secret(B@1)\n')).content).toBe("Y='another value'\n");
    for (const send of [
      () => ask.expand(alice, `\nY=secret(B@1.${b1})\n`),
      () => ask.submit(alice, content, { key }),
    ]) {
      expect(await refusalOf(send)).toMatchObject({
        code: 'pin_mismatch',
        properties: { errors: [{ name: 'B' }] },
      });
    }
    expect(first.created).toEqual([{ name: 'N', version: 1, anchor: expect.any(String) }]);
  });
});

describe('a tag with an anchor', () => {
  it.each<[string, (anchors: Anchors) => string, boolean]>([
    ['of the current version matches', ({ a4 }) => `4.${a4}`, true],
    ['that no version has does not match', () => `4.${other}`, false],
    ['of an earlier version does not match', ({ a2 }) => `2.${a2}`, false],
    ['of another secret does not match', ({ b1 }) => `4.${b1}`, false],
  ])('%s, in If-Match and in If-None-Match', async (_, tagOf, holds) => {
    const { alice, ...anchors } = await withSecrets();
    const tags = [tagOf(anchors)];
    expect(await ask.getUnless(alice, 'A', tags)).toEqual({ version: 4, isUnchanged: holds });
    expect((await ask.getUnless(alice, 'A', ['9.k3f9qzTb', ...tags, 9])).isUnchanged).toBe(holds);
    const updated = () => ask.update(alice, 'A', 'a5', { ifMatch: tags });
    const deleted = () => ask.delete(alice, 'A', { ifMatch: tags });
    if (!holds) {
      for (const write of [updated, deleted]) {
        expect(await refusalOf(write)).toMatchObject({
          code: 'version_conflict',
          properties: { currentVersion: 4 },
        });
      }
    } else expect((await updated()).version.version).toBe(5);
  });
});

describe('the anchor of a version', () => {
  it('is the same in every reply that names it, also when a keyed request is repeated', async () => {
    const alice = someone();
    const writes = [
      () => ask.create(alice, 'A', 'a1', { key }),
      () => ask.update(alice, 'A', 'a2', { key: `${key}2` }),
      () => ask.delete(alice, 'A', { key: `${key}3` }),
    ];
    const bodies = [];
    for (const write of writes) {
      const [first, again] = [await write(), await write()];
      expect([first.replayed, again.replayed]).toEqual([false, true]);
      const { body } = written(200, first.version, false);
      expect(written(200, again.version, true).body).toEqual(body);
      bodies.push(body);
    }
    const file = 'N=1\nX=enc(N)\nY=secret(A@1)\n';
    const submit = () => ask.submit(alice, file, { key: `${key}4` });
    const [{ replayed: _, ...first }, { replayed, ...again }] = [await submit(), await submit()];
    expect([replayed, again]).toEqual([true, first]);
    const [a1, a2, a3] = await anchorsOf(alice, 'A');
    expect(bodies).toMatchObject([{ anchor: a1 }, { anchor: a2 }, { anchor: a3 }]);
    expect(first).toMatchObject({
      created: [{ anchor: (await anchorsOf(alice, 'N'))[0] }],
      resolved: [{ anchor: a1 }],
    });
    await ask.destroy(alice, 'A', 1);
    expect((await anchorsOf(alice, 'A'))[0]).toBe(a1);
    expect(new Set([a1, a2, a3]).size).toBe(3);
  });
});
