/**
 * The vault writes its items once. Each row changes some of them in a copy, and lists what must be
 * reported: by `readRow` for one item, by `findViolations` for the items of a secret and its
 * records.
 */
import { join } from 'node:path';
import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { open, seal } from '../../../../functions/crypto/envelope.ts';
import { KeyFault, type KeyService, unusable } from '../../../../functions/kms/key-service.ts';
import { limits } from '../../../../functions/model/limits.ts';
import { formatInstant, type Identity } from '../../../../functions/model/types.ts';
import {
  encodeHead,
  encodeVersion,
  type Item,
  secretPartition,
  versionSortKey,
} from '../../../../functions/store/items.ts';
import { createFileKey } from '../../../../host/kms/file-key.ts';
import { followMasterKey, identityIn, makeMasterKey } from '../../../../host/kms/key-file.ts';
import { checkOpening, unwrapBy } from '../../../../host/verify/check-opening.ts';
import { findViolations, type VerifiedVault } from '../../../../host/verify/find-violations.ts';
import { readRow } from '../../../../host/verify/read-row.ts';
import { type Embedded, startEmbedded } from '../../../support/embedded.ts';
import { freshFolder } from '../../../support/local-process.ts';
import { bytes, requestContext, someone, vaultId } from '../../../support/requests.ts';
import { historyOf, makeSecret } from '../../../support/secrets.ts';
import { openTable } from '../../../support/stored-items.ts';
import { vaultOver } from '../../../support/vault.ts';
import { violationsOf } from '../../../support/violations.ts';

const plaintext = 'a-canary-that-no-report-may-hold';
const unreadable = 'has an attribute that is missing, unknown or malformed';
const sealed = 'cannot be opened under its own identity';
const wrapped = 'has a data key that the master key cannot unwrap (InvalidCiphertextException)';
const noValue = 'is a deletion that follows no value';
const headless = 'is a version without a head';
const beyond = (version: number) => `is at or beyond the head, which is version ${version}`;
const [first = '', second = '', third = '', fourth = ''] = [1, 2, 3, 4].map(versionSortKey);

const alice = someone();
const began = Date.parse('2026-01-01T00:00:00.000Z');
/** The instant this many seconds and milliseconds after the first version of each secret. */
const at = (seconds: number, ms = 0): string => formatInstant(began + 1_000 * seconds + ms);
const text = (S = ''): AttributeValue => ({ S });
const number = (n: number): AttributeValue => ({ N: String(n) });
const pkOf = (name: string) => secretPartition(alice.tenant, name);

let embedded: Embedded;
let stored: readonly Item[];
beforeAll(async () => {
  embedded = await startEmbedded();
  const { create, update, delete: remove, destroy } = vaultOver(embedded.ports);
  const make = (name: string, values: readonly string[]) =>
    makeSecret(embedded.ports, alice, name, values, began);
  const keyed = (name: string, seconds: number) => ({
    now: began + 1_000 * seconds,
    key: `a-key-of-a-request-${name}-${seconds}`,
  });
  await make('DB', ['one', plaintext, 'three']);
  await make('OLD', ['one', 'two', 'three']);
  await remove(alice, 'OLD', { note: 'no longer used', ...keyed('OLD', 10) });
  await create(alice, 'OLD', 'five', keyed('OLD', 20));
  await destroy(alice, 'OLD', 2, { now: began + 30_000 });
  await make('GONE', ['one']);
  await remove(alice, 'GONE', { now: began + 10_000 });
  await create(alice, 'KEYED', 'x', keyed('KEYED', 0));
  await make('TURNED', ['one']);
  await update(alice, 'TURNED', 'two', keyed('TURNED', 10));
  stored = await openTable(embedded).itemsOf(alice.tenant);
});
// Closing also verifies all stored items, which no test has changed.
afterAll(() => embedded.close());

const keyOf = ({ pk, sk }: Item) => `${pk?.S} ${sk?.S}`;
const find = (name: string, sk: string): Item => {
  const item = stored.find((each) => each['pk']?.S === pkOf(name) && each['sk']?.S === sk);
  if (item === undefined) throw new Error(`${name} ${sk} is not there`);
  return item;
};
/** The versions of a secret, and the records of the keyed requests that wrote it. */
const itemsOf = (name: string): readonly Item[] =>
  stored.filter(
    ({ pk, written }) =>
      pk?.S === pkOf(name) || written?.L?.some(({ M }) => M?.['name']?.S === name),
  );
const recordOf = (name: string): Item => {
  const record = itemsOf(name).find(({ sk }) => sk?.S === 'RECORD');
  if (record === undefined) throw new Error(`${name} has no record`);
  return record;
};
const without = (item: Item, ...names: readonly string[]): Item =>
  Object.fromEntries(Object.entries(item).filter(([name]) => !names.includes(name)));

const edit = (name: string, sk: string, attributes: Item): Item => ({
  ...find(name, sk),
  ...attributes,
});
/** A version turned into the head of its secret. */
const asHead = (name: string, sk: string): Item => ({
  ...without(find(name, sk), 'validTo'),
  ...{ sk: text('HEAD'), tenant: text(alice.tenant), name: text(name) },
});
const asVersion = (name: string, sk: string, version: number): Item =>
  edit(name, sk, { sk: text(versionSortKey(version)), version: number(version) });
const withBit = (name: string, sk: string, attribute: string, index = 0): Item => {
  const changed = Uint8Array.from(find(name, sk)[attribute]?.B ?? []);
  changed[index] = (changed[index] ?? 0) ^ 1;
  return edit(name, sk, { [attribute]: { B: changed } });
};
const ofOtherKey = () => withBit('DB', 'HEAD', 'wrappedDataKey', 40);
/**
 * Another version of OLD replaced by its deletion, with all other attributes as consistent as
 * possible.
 */
const asDeletion = (sk: string): Item => {
  const { pk, validFrom, validTo, writeId, version } = find('OLD', sk);
  const facts = { pk, sk: text(sk), validFrom, validTo, writeId, version } as Item;
  return { ...without(find('OLD', fourth), 'note'), ...facts };
};
/**
 * The head of a secret turned into a deletion. It keeps its version, writer and start, unless
 * `attributes` replaces them.
 */
const turned = (name: string, attributes: Item = {}): Item => {
  const { pk, sk, format, vault, version, validFrom, createdBy, writeId } = find(name, 'HEAD');
  const facts = { pk, sk, format, vault, version, validFrom, createdBy, writeId } as Item;
  const tenant = text(`${alice.tenant}#DELETED`);
  return { ...facts, state: text('deleted'), name: text(name), tenant, ...attributes };
};
const moved = () =>
  edit('DB', 'HEAD', { pk: text(pkOf('MOVED')), name: text('MOVED'), version: number(1) });
/**
 * The record of KEYED with some attributes replaced. `wrote` and `readOf` replace what it wrote and
 * read.
 */
const record = (attributes: Item): Item => ({ ...recordOf('KEYED'), ...attributes });
const wrote = (properties: Item): Item =>
  record({
    written: { L: [{ M: { ...recordOf('KEYED')['written']?.L?.[0]?.M, ...properties } }] },
  });
const readOf = (name: string, version: number): Item => ({
  resolved: { L: [{ M: { name: text(name), version: number(version) } }] },
});

type Answers = {
  readonly scan?: readonly Item[];
  readonly get?: readonly (Item | undefined)[];
};
/**
 * A table with these items. `answers` replaces the answers to the scan and to the first lookups.
 */
const tableOf = (
  items: readonly Item[],
  { scan = items, get = [] }: Answers = {},
): VerifiedVault['table'] => {
  const firstGets = [...get];
  return {
    async *pages(pk) {
      yield pk === undefined ? scan : items.filter((item) => item['pk']?.S === pk);
    },
    get: async ({ pk, sk }) =>
      firstGets.length > 0
        ? firstGets.shift()
        : items.find((item) => item['pk']?.S === pk && item['sk']?.S === sk),
  };
};
const vaultOf = (table: VerifiedVault['table']): VerifiedVault => ({
  ...{ table, masterKey: embedded.masterKey, vaultId },
});
/** Returns the problems found, each preceded by the sort key of the item that shows it. */
const problemsIn = async (
  items: readonly Item[],
  answers: Answers = {},
  overrides: Partial<VerifiedVault> = {},
): Promise<readonly string[]> => {
  const found = await violationsOf({ ...vaultOf(tableOf(items, answers)), ...overrides });
  return found.map(({ sk, problem }) => `${sk} ${problem}`.trim());
};

describe('readRow', () => {
  type Row = readonly [title: string, item: () => Item, problem: string];
  const remark = { remark: text('x') };
  const rows: readonly Row[] = [
    ['an unknown attribute of a head', () => edit('DB', 'HEAD', remark), unreadable],
    ['an unknown attribute of a version', () => edit('DB', first, remark), unreadable],
    ['an unknown attribute of a record', () => record(remark), unreadable],
    [
      'a deleted head in the index of stored secrets',
      () => edit('GONE', 'HEAD', { tenant: text(alice.tenant) }),
      unreadable,
    ],
    ['a destroyed version as head', () => asHead('OLD', second), 'is a head without its value'],
    ...[first, second, fourth, 'HEAD'].map((sk): Row => {
      const item = () => edit('OLD', sk, { vault: text('another-vault') });
      return [`the id of another vault in ${sk}`, item, 'belongs to another vault'];
    }),
    ...[
      ['X', 'HEAD'],
      ['TENANT#a#OTHER#X', 'HEAD'],
      ['TENANT#a#SECRET#X', 'VERSION#42'],
      ['TENANT#a#SECRET#X', 'HEAD2'],
      ['TENANT#a#IDEMPOTENCY#short', 'RECORD'],
    ].map(([pk, sk]): Row => {
      const item = () => edit('DB', 'HEAD', { pk: text(pk), sk: text(sk) });
      return [`the unknown key ${pk} ${sk}`, item, 'is not an item of the vault'];
    }),
  ];
  it.each(rows)('reports an item as unreadable because of %s', (_, item, problem) => {
    expect(readRow(item(), vaultId)).toMatchObject({ kind: 'unreadable', problem });
  });

  it.each(['HEAD', first])('reports each attribute that is missing from the item %s', (sk) => {
    const item = find('DB', sk);
    for (const name of Object.keys(item).filter((each) => each !== 'pk' && each !== 'sk')) {
      const row = { ...readRow(without(item, name), vaultId), name };
      expect(row).toMatchObject({ kind: 'unreadable', problem: unreadable, name });
    }
  });
});

describe('verifying a vault', () => {
  it('finds nothing wrong with what the vault itself wrote', async () => {
    await makeSecret(embedded.ports, someone(), 'DB', ['of another tenant']);
    await makeSecret(embedded.ports, alice, 'TLS.KEY-1', [new Uint8Array(0), Uint8Array.of(255)]);
    expect(await problemsIn([], {}, { table: embedded.table })).toEqual([]);
  });

  /** `change` returns the items to put, and the sort keys of the items to remove. */
  type Row = readonly [
    title: string,
    secret: string,
    change: () => readonly (Item | string)[],
    found: readonly string[],
  ];
  const lost = (name: string) => `RECORD names a write of ${name} that does not exist`;
  const notThere = [lost('KEYED 1')];
  const rows: readonly Row[] = [
    [
      'an unreadable head',
      'DB',
      () => [edit('DB', 'HEAD', { remark: text('x') })],
      [`HEAD ${unreadable}`, `${first} ${headless}`, `${second} ${headless}`],
    ],
    ...['createdBy', 'writeId', 'masterKeyId', 'note'].map((name): Row => {
      const change = () => [edit('DB', 'HEAD', { [name]: text('another') })];
      return [`another ${name} of a value`, 'DB', change, [`HEAD ${sealed}`]];
    }),
    ...['iv', 'ciphertext', 'commitment'].map((name): Row => {
      const change = () => [withBit('DB', second, name)];
      return [`a changed bit of ${name}`, 'DB', change, [`${second} ${sealed}`]];
    }),
    ['a changed bit of wrappedDataKey', 'DB', () => [ofOtherKey()], [`HEAD ${wrapped}`]],
    ['a value that was moved to another secret', 'MOVED', () => [moved()], [`HEAD ${wrapped}`]],
    ['a missing version', 'DB', () => [first], ['HEAD is version 3, but version 1 is missing']],
    [
      'a forged deletion with the highest number, and the missing versions once',
      'DB',
      () => [turned('DB', { version: number(limits.versionMax) })],
      [
        `${second} ends at ${at(2)}, but version 3 is not there`,
        'HEAD is version 999999999, but versions 3 to 999999998 are missing',
      ],
    ],
    [
      'versions without a head',
      'DB',
      () => ['HEAD'],
      [`${first} ${headless}`, `${second} ${headless}`],
    ],
    ['an older version as head', 'DB', () => [asHead('DB', second)], [`${second} ${beyond(2)}`]],
    ...[3, 9].map((version): Row => {
      const problems = [sealed, 'has the data key of another version', beyond(3)];
      const found = problems.map((problem) => `${versionSortKey(version)} ${problem}`);
      return [
        `version 2 as version ${version} of 3`,
        'DB',
        () => [asVersion('DB', second, version)],
        found,
      ];
    }),
    [
      'a version that does not end when the next one begins',
      'DB',
      () => [edit('DB', first, { validTo: text(at(1, 1)) })],
      [`${first} ends at ${at(1, 1)}, but version 2 begins at ${at(1)}`],
    ],
    ['a deletion after a deletion', 'OLD', () => [asDeletion(third)], [`${fourth} ${noValue}`]],
    ['a deletion as first version', 'OLD', () => [asDeletion(first)], [`${first} ${noValue}`]],
    ...[5, 6].map((version): Row => {
      const change = () => [asVersion('OLD', second, version)];
      const found = [`${versionSortKey(version)} ${beyond(5)}`];
      return [`a destroyed version as version ${version} of 5`, 'OLD', change, found];
    }),
    ['a record of another write', 'KEYED', () => [record({ writeId: text('x') })], notThere],
    ['a record of another time', 'KEYED', () => [wrote({ validFrom: text(at(-9)) })], notThere],
    [
      'a record of another name',
      'KEYED',
      () => [wrote({ name: text('OTHER') })],
      [lost('OTHER 1')],
    ],
    [
      'a record of a read of a version that never had a value',
      'KEYED',
      () => [record(readOf('KEYED', 4))],
      ['RECORD names a read of KEYED 4, which never had a value'],
    ],
    [
      'a written value, turned into a deletion',
      'TURNED',
      () => [turned('TURNED')],
      [lost('TURNED 2')],
    ],
    [
      'a value that a record read, turned into a deletion',
      'TURNED',
      () => [
        turned('TURNED'),
        { ...recordOf('TURNED'), written: { L: [] }, ...readOf('TURNED', 2) },
      ],
      ['RECORD names a read of TURNED 2, which never had a value'],
    ],
    // Without a record that names the value, this deletion looks like a genuine one.
    [
      'nothing in a value turned into a deletion, if no record names it',
      'TURNED',
      () => [turned('TURNED'), 'RECORD'],
      [],
    ],
  ];

  // Shows G14.
  it.each(rows)(
    'reports exactly what is wrong with changed items: %s',
    async (_, secret, change, found) => {
      const items = new Map(itemsOf(secret).map((item) => [keyOf(item), item]));
      const changes = change();
      for (const each of changes) if (typeof each === 'object') items.set(keyOf(each), each);
      const inOrder = [...items]
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([, item]) => item)
        .filter(({ sk }) => !changes.includes(sk?.S ?? ''));
      expect(await problemsIn(inOrder)).toEqual(found);
    },
  );
});

describe('verifying a whole vault', () => {
  it('reports values that were sealed under another master key', async () => {
    const file = join(freshFolder(), 'kms.json');
    makeMasterKey(file);
    const masterKey = createFileKey(followMasterKey(file, identityIn(file)));
    const problem = 'has a data key that the master key cannot unwrap (IncorrectKeyException)';
    const found = await problemsIn(itemsOf('DB'), {}, { masterKey });
    expect(found).toEqual(['HEAD', first, second].map((sk) => `${sk} ${problem}`));
  });

  it('throws if the master key cannot be used', async () => {
    embedded.setKeyState('Disabled');
    try {
      const sentence = 'the master key cannot be used, so no record can be verified';
      await expect(problemsIn(itemsOf('DB'))).rejects.toThrow(sentence);
    } finally {
      embedded.setKeyState('Enabled');
    }
  });

  it('reports two versions that have the same write id and the same data key', async () => {
    const secret = { tenant: alice.tenant, name: 'TWICE' };
    const key = await embedded.ports.dataKeys
      .for(requestContext())
      .generate({ vault: vaultId, ...secret });
    const versionOf = (version: number) => {
      const written = { version, validFrom: version * 1000, createdBy: 'alice', writeId: 'once' };
      const { masterKeyId, wrapped: wrappedDataKey } = key;
      const identity = { vault: vaultId, ...secret, ...written, masterKeyId };
      const value = seal(bytes('x'), Uint8Array.from(key.plaintext), identity);
      return { ...identity, ...value, state: 'stored' as const, wrappedDataKey };
    };
    const items = [encodeHead(versionOf(2)), encodeVersion(versionOf(1), 2_000)];
    expect(await problemsIn(items)).toEqual([
      `${first} has the data key of another version`,
      'HEAD was written with version 1 at once',
    ]);
  });

  it('reports what is wrong in each of two secrets', async () => {
    const items = ['DB', 'TURNED'].flatMap(itemsOf);
    const found = await problemsIn(
      items.filter(({ sk }) => ![first, 'RECORD'].includes(sk?.S ?? '')),
    );
    expect(found).toEqual(
      [3, 2].map((head) => `HEAD is version ${head}, but version 1 is missing`),
    );
  });

  it('yields each violation before it reads the next page', async () => {
    const items = [edit('DB', first, { createdBy: text('another') })];
    async function* pages() {
      yield items;
      throw new Error('the store is away');
    }
    const violations = findViolations(vaultOf({ ...tableOf([]), pages }));
    expect((await violations.next()).value).toMatchObject({ sk: first, problem: sealed });
    await expect(violations.next()).rejects.toThrow('the store is away');
  });

  it('reads items again that the scan saw at different moments', async () => {
    const scan = [...itemsOf('TURNED'), ...itemsOf('DB').filter(({ sk }) => sk?.S === 'HEAD')];
    expect(await problemsIn([...itemsOf('TURNED'), ...itemsOf('DB')], { scan })).toEqual([]);
  });

  it('reads the versions that a record names again, because a transaction may become visible after the record', async () => {
    const get = [undefined, undefined];
    expect(await problemsIn(itemsOf('KEYED'), { get })).toEqual([]);
  });

  it('shows no secret value if an item cannot be opened', async () => {
    const changed = edit('DB', second, { createdBy: text('another') });
    const found = JSON.stringify(await problemsIn([changed]));
    expect(found).toContain(sealed);
    for (const form of ['utf8', 'base64', 'hex'] as const) {
      expect(found).not.toContain(Buffer.from(plaintext).toString(form));
    }
  });
});

describe('checkOpening', () => {
  /** Checks the head of DB while its envelope does not bind the field `unbound`. */
  const check = async (masterKey = embedded.masterKey, unbound?: keyof Identity) => {
    const head = (await historyOf(embedded.ports, alice, 'DB')).at(-1);
    if (head?.state !== 'stored') throw new Error('no head with a value');
    const lax: typeof open = (sealed, dataKey, identity) =>
      open(sealed, dataKey, unbound ? { ...identity, [unbound]: head[unbound] } : identity);
    const unwrap = unwrapBy(masterKey, vaultId);
    return await checkOpening({ vaultId, unwrap }, head, true, lax);
  };
  /** A master key that applies `change` to the context of each call. */
  const keyAfter = (
    change: (context: Record<string, string>) => Record<string, string>,
  ): KeyService => ({
    ...embedded.masterKey,
    unwrap: async (bound, ...rest) => embedded.masterKey.unwrap(change({ ...bound }), ...rest),
  });

  it.each([
    ...(['vault', 'tenant', 'name', 'version', 'validFrom'] as const),
    ...(['createdBy', 'writeId', 'masterKeyId', 'note'] as const),
  ])('notices a seal that does not bind %s', async (field) => {
    expect(await check(embedded.masterKey, field)).toEqual([`opens with another ${field} too`]);
  });

  it('accepts an access-denied error as a refusal only if the call named another vault', async () => {
    const denying = (isDenied: (vault?: string) => boolean) =>
      keyAfter((context) => {
        if (!isDenied(context['vault'])) return context;
        throw new KeyFault({ ...unusable, cause: 'AccessDeniedException' }, 'denied');
      });
    expect(await check(denying((vault) => vault !== vaultId))).toEqual([]);
    await expect(check(denying((vault) => vault === vaultId))).rejects.toThrow(
      'the master key cannot be used, so no record can be verified: denied',
    );
  });

  it.each(['vault', 'tenant', 'name'])('notices a KMS that ignores %s', async (property) => {
    const own: Record<string, string> = { vault: vaultId, tenant: alice.tenant, name: 'DB' };
    const masterKey = keyAfter((context) => ({ ...context, [property]: own[property] ?? '' }));
    expect(await check(masterKey)).toEqual([
      'has a data key that can be unwrapped for another version, too',
    ]);
  });
});
