/**
 * Moves every field, and every whole item, to another vault, tenant, secret or version. The vault
 * refuses all of these except the cases that the threat model describes: a genuine older version
 * put back as the head, a destroyed version put back, the head of a copy of the vault, which has
 * the same vault id and master key, and items that hold no value.
 */

import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Principal } from '../../functions/model/types.ts';
import type { GetSecret } from '../../functions/vault/get-secret.ts';
import { storeOver } from '../support/embedded.ts';
import { printFigure } from '../support/figure.ts';
import { freshFolder } from '../support/local-process.ts';
import { codeOf } from '../support/refusals.ts';
import { someone, vaultId } from '../support/requests.ts';
import { makeSecret } from '../support/secrets.ts';
import { type Item, openTable } from '../support/stored-items.ts';
import { startTestStore } from '../support/test-store.ts';
import { useEmbedded } from '../support/use-embedded.ts';
import { vaultOver } from '../support/vault.ts';
import { violationsOf } from '../support/violations.ts';

const names = ['DB', 'API'] as const;
const versions = [1, 2, 3];
const head = 3;
const refusals = ['integrity_failure', 'master_key_incorrect'];
const began = Date.parse('2026-11-24T10:00:00Z');

/** The identity of a stored version. */
type Place = { readonly tenant: string; readonly name: string; readonly version: number };

const keyOf = ({ tenant, name, version }: Place): Item => ({
  pk: { S: `TENANT#${tenant}#SECRET#${name}` },
  sk: { S: version === head ? 'HEAD' : `VERSION#000000000${version}` },
});

describe('a moved record', () => {
  const vault = useEmbedded();
  const table = openTable(vault);
  let principals: readonly Principal[];
  let items: readonly Item[];
  let [fields, whole] = [0, 0];
  beforeAll(async () => {
    principals = ['t-one', 't-two'].map((tenant) => someone({ tenant }));
    for (const principal of principals) {
      vault.tampered.add(principal.tenant);
      for (const [index, name] of names.entries()) {
        const { create, update } = vaultOver(vault.ports);
        for (const version of versions) {
          const text = `${principal.tenant} ${name} ${version}`;
          const asked = { now: began + index + version * 1_000, note: `note of ${text}` };
          await (version === 1 ? create : update)(principal, name, text, asked);
        }
      }
    }
    items = (await Promise.all(principals.map(({ tenant }) => table.itemsOf(tenant)))).flat();
  });
  afterAll(() => {
    const figures = `${fields} fields and ${whole} items moved, all refused but those that docs/threat-model.md lists`;
    printFigure('moved records', figures);
  });

  const places = (): Place[] =>
    principals.flatMap(({ tenant }) =>
      names.flatMap((name) => versions.map((version) => ({ tenant, name, version }))),
    );
  const itemAt = (place: Place): Item => {
    const { pk, sk } = keyOf(place);
    const found = items.find((item) => item['pk']?.S === pk?.S && item['sk']?.S === sk?.S);
    if (!found) throw new Error(`${JSON.stringify(place)} is not there`);
    return found;
  };
  const ofPlace = ({ tenant }: Place): Principal =>
    principals.find((principal) => principal.tenant === tenant) ?? someone();
  const get = (place: Place, which: GetSecret['which']) =>
    vaultOver(vault.ports).get(ofPlace(place), place.name, which);
  const expand = (place: Place) =>
    vaultOver(vault.ports).expand(ofPlace(place), `A=secret(${place.name})\n`);
  /**
   * Asks for this version in every way, and requires that each is refused. If an item claims
   * another number or time, reading it by number or time may also find nothing.
   */
  const requireRefused = async (place: Place, about: object): Promise<void> => {
    const at = Date.parse(itemAt(place)['validFrom']?.S ?? '');
    const ways = [
      { ask: () => get(place, { version: place.version }), hides: true },
      { ask: () => get(place, { at }), hides: true },
      ...(place.version === head
        ? [
            { ask: () => get(place, 'latest'), hides: false },
            { ask: () => expand(place), hides: false },
          ]
        : []),
    ];
    for (const { ask, hides } of ways) {
      const code = await codeOf(ask).catch(() => 'nothing was refused');
      const isRefused = refusals.includes(code) || (hides && code === 'not_found');
      const told = JSON.stringify({ place, ...about, code });
      expect([told, isRefused]).toEqual([told, true]);
    }
  };
  const requireOpens = async (place: Place): Promise<void> => {
    expect((await get(place, { version: place.version })).stored.version).toBe(place.version);
  };
  const same = (a: AttributeValue | undefined, b: AttributeValue | undefined): boolean =>
    JSON.stringify(a) === JSON.stringify(b);

  it('is refused with any single field from any other version', async () => {
    for (const place of places()) {
      const own = itemAt(place);
      for (const other of places()) {
        for (const [attribute, content] of Object.entries(itemAt(other))) {
          if (attribute === 'pk' || attribute === 'sk' || same(own[attribute], content)) continue;
          await table.put({ ...own, [attribute]: content });
          await requireRefused(place, { other, attribute });
          fields += 1;
        }
      }
      await table.put(own);
      await requireOpens(place);
    }
  });

  // Shows G15.
  it('is refused as a whole item, even with the key and names of its new place', async () => {
    for (const place of places()) {
      const own = itemAt(place);
      for (const other of places()) {
        if (other === place || JSON.stringify(other) === JSON.stringify(place)) continue;
        const isHead = place.version === head;
        // The tests below cover a genuine older version of the same secret that is put back as the
        // head.
        if (isHead && other.tenant === place.tenant && other.name === place.name) continue;
        const { tenant: _, name: __, validTo: ___, ...sealed } = itemAt(other);
        const validTo = own['validTo'] ?? { S: '' };
        const inPlace = isHead
          ? { tenant: { S: place.tenant }, name: { S: place.name } }
          : { validTo };
        for (const version of [sealed['version'], own['version']]) {
          await table.put({
            ...sealed,
            ...keyOf(place),
            ...inPlace,
            version: version ?? { N: '0' },
          });
          await requireRefused(place, { other, version });
          whole += 1;
        }
      }
      await table.put(own);
      await requireOpens(place);
    }
  });

  /** Returns the problems that `inspect --verify` reports about the secret of an item. */
  const problemsOf = async ({ pk: wanted }: Item): Promise<readonly string[]> => {
    const { table, masterKey } = vault;
    const violations = await violationsOf({ table, masterKey, vaultId });
    return violations.filter(({ pk }) => pk === wanted?.S).map(({ problem }) => problem);
  };

  describe('that is a genuine older version put back as the current one', () => {
    const place: Place = { tenant: 't-one', name: 'DB', version: head };
    const putBack = async (version: number): Promise<void> => {
      const { validTo: _, ...older } = itemAt({ ...place, version });
      const inPlace = { tenant: { S: place.tenant }, name: { S: place.name } };
      await table.put({ ...older, ...keyOf(place), ...inPlace });
    };

    it.each([1, 2])(
      'is shown as version %s by a get of the latest version, but refused by a get of that version and by an update',
      async (version) => {
        await putBack(version);
        expect((await get(place, 'latest')).stored.version).toBe(version);
        expect(await codeOf(() => get(place, { version }))).toBe('integrity_failure');
        // The next update is refused and changes nothing.
        const sortKeys = async () => (await table.itemsOf(place.tenant)).map(({ sk }) => sk?.S);
        const before = await sortKeys();
        const update = () => vaultOver(vault.ports).update(ofPlace(place), place.name, 'next');
        expect(await codeOf(update)).toBe('integrity_failure');
        expect(await sortKeys()).toEqual(before);
        expect((await problemsOf(keyOf(place))).length).toBeGreaterThan(0);
        await table.put(itemAt(place));
      },
    );
  });

  describe('that a writer of the table made without the vault', () => {
    const name = 'DB';
    /** Makes a secret with two versions. Returns its items, the head and the first version. */
    const made = async (tenant: string) => {
      const owner = someone({ tenant });
      await makeSecret(vault.ports, owner, name, ['first', 'second'], began);
      const [current = {}, first = {}] = await table.itemsOf(tenant);
      return { owner, current, first };
    };
    const codeOfGet = (owner: Principal, which: GetSecret['which']) =>
      codeOf(() => vaultOver(vault.ports).get(owner, name, which));
    const textOfFirst = async (owner: Principal) =>
      (await vaultOver(vault.ports).get(owner, name, { version: 1 })).text;
    /** The attributes that a version has in every state. */
    const facts = ['pk', 'sk', 'format', 'vault', 'version', 'validFrom', 'createdBy', 'writeId'];
    const only = (item: Item, attributes: readonly string[]): Item =>
      Object.fromEntries(Object.entries(item).filter(([each]) => attributes.includes(each)));

    it('is accepted as a deletion with the author and the time that it claims, even by inspect --verify', async () => {
      const { owner, current } = await made('t-forged-deletion');
      const validFrom = { S: '2026-11-24T11:00:00.000Z' };
      const { tenant: _, name: __, ...version } = current;
      const sk = { S: 'VERSION#0000000002' };
      await table.put({ ...version, sk, validTo: validFrom });
      await table.put({
        ...only(current, facts),
        tenant: { S: `${owner.tenant}#DELETED` },
        name: { S: name },
        state: { S: 'deleted' },
        version: { N: '3' },
        validFrom,
        createdBy: { S: 'mallory' },
        writeId: { S: 'A'.repeat(22) },
      });
      expect(await codeOfGet(owner, 'latest')).toBe('not_found');
      expect(
        (await vaultOver(vault.ports).versions(owner, name)).versions[0]?.stored,
      ).toMatchObject({ state: 'deleted', version: 3, createdBy: 'mallory' });
      expect(await textOfFirst(owner)).toBe('first');
      expect(await problemsOf(current)).toEqual([]);
    });

    it('is accepted as a destroyed version, even by inspect --verify', async () => {
      const { owner, first } = await made('t-forged-destruction');
      await table.put({
        ...only(first, [...facts, 'validTo', 'masterKeyId']),
        state: { S: 'destroyed' },
        destroyedAt: { S: '2026-11-24T11:00:00.000Z' },
        destroyedBy: { S: 'mallory' },
      });
      expect(await codeOfGet(owner, { version: 1 })).toBe('version_destroyed');
      expect(await problemsOf(first)).toEqual([]);
    });

    it('opens if it is a copy of a version from before its destruction, and inspect --verify does not notice', async () => {
      const { owner, first } = await made('t-undone-destruction');
      await vaultOver(vault.ports).destroy(owner, name, 1);
      expect(await codeOfGet(owner, { version: 1 })).toBe('version_destroyed');
      await table.put(first);
      expect(await textOfFirst(owner)).toBe('first');
      expect(await problemsOf(first)).toEqual([]);
    });
  });

  describe('that is the current version of the same secret in another table with the same master key', () => {
    /**
     * Makes a secret of the same name in another table, for a vault with this id, and puts its head
     * in place of ours.
     */
    const putStranger = async (owner: Principal, id: string): Promise<Item> => {
      const other = await startTestStore(freshFolder());
      const there = { ...vault.ports, vaultId: id, store: storeOver(other.table.itemsOf, id) };
      await makeSecret(vault.ports, owner, 'DB', ['stored here'], began);
      await makeSecret(there, owner, 'DB', ['stored in another table'], began + 1);
      const [stranger = {}] = await openTable(other).itemsOf(owner.tenant);
      await other.close();
      await table.put(stranger);
      return stranger;
    };
    it('does not open if the table belongs to another vault, and inspect --verify finds it', async () => {
      const owner = someone({ tenant: 't-other-vault' });
      const stranger = await putStranger(owner, 'another-vault');
      const read = () => vaultOver(vault.ports).get(owner, 'DB');
      expect(refusals).toContain(await codeOf(read));
      expect(await problemsOf(stranger)).toHaveLength(1);
      await table.remove(stranger);
    });

    it('opens if the table is a copy of the vault, and inspect --verify does not notice', async () => {
      const owner = someone({ tenant: 't-copy' });
      const stranger = await putStranger(owner, vaultId);
      const { text } = await vaultOver(vault.ports).get(owner, 'DB');
      expect(text).toBe('stored in another table');
      expect(await problemsOf(stranger)).toEqual([]);
    });
  });

  it('is refused with idempotency_key_reused if it is an idempotency record that was moved to another key', async () => {
    const alice = principals[0] ?? someone();
    const create = (name: string) =>
      vaultOver(vault.ports).create(alice, name, 'a', { key: name.repeat(20).slice(0, 20) });
    await create('FIRST');
    await create('SECOND');
    const records = (await table.itemsOf(alice.tenant)).filter(({ sk }) => sk?.S === 'RECORD');
    const recordOf = (name: string): Item =>
      records.find((record) => record['written']?.L?.[0]?.M?.['name']?.S === name) ?? {};
    const { pk, sk } = recordOf('SECOND');
    await table.put({ ...recordOf('FIRST'), pk: pk ?? { S: '' }, sk: sk ?? { S: '' } });
    expect(await codeOf(() => create('SECOND'))).toBe('idempotency_key_reused');
    whole += 1;
  });
});
