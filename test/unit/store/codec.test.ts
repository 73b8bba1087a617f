import { describe, expect, it } from '@jest/globals';
import {
  type Deletion,
  type DestroyedVersion,
  type IdempotencyRecord,
  isNote,
  type SealedVersion,
} from '../../../functions/model/types.ts';
import {
  decodeDetails,
  decodeHead,
  decodeRecord,
  decodeVersion,
  detailAttributes,
} from '../../../functions/store/decoding.ts';
import {
  encodeHead,
  encodeRecord,
  encodeVersion,
  type Item,
} from '../../../functions/store/items.ts';
import { codeOf } from '../../support/refusals.ts';

const sealed: SealedVersion = {
  vault: 'test-vault',
  tenant: 'acme',
  name: 'DB_PASSWORD',
  version: 42,
  validFrom: Date.parse('2026-11-24T14:30:48.123Z'),
  createdBy: 'alice',
  writeId: 'AAECAwQFBgcICQoLDA0ODw',
  masterKeyId: 'arn:aws:kms:eu-central-1:111122223333:key/1234abcd',
  state: 'stored',
  iv: new Uint8Array(12).fill(1),
  ciphertext: new Uint8Array(23).fill(2),
  commitment: new Uint8Array(32).fill(3),
  wrappedDataKey: new Uint8Array(184).fill(4),
};
const acme = { vault: 'test-vault', tenant: 'acme' };
const validTo = sealed.validFrom + 1;
const { vault, tenant, name, validFrom, createdBy, writeId, masterKeyId } = sealed;
const facts = { vault, tenant, name, version: 42, validFrom, createdBy, writeId };
const deletion: Deletion = { ...facts, state: 'deleted' };
const destroyed: DestroyedVersion = {
  ...facts,
  state: 'destroyed',
  masterKeyId,
  destroyedAt: validTo,
  destroyedBy: 'bob',
};
const record: IdempotencyRecord = {
  operation: 'submit-env',
  writeId: 'AAECAwQFBgcICQoLDA0ODw',
  contentHash: new Uint8Array(32).fill(5),
  written: [{ name: 'A', version: 1, validFrom: sealed.validFrom }],
  resolved: [{ name: 'B', version: 7 }],
  expiresAt: Date.parse('2026-11-26T14:31:00.000Z'),
};
const recordKey = { pk: 'TENANT#acme#IDEMPOTENCY#hash', sk: 'RECORD' };

const head = encodeHead(sealed);
const version = encodeVersion(sealed, validTo);
const recordItem = encodeRecord(recordKey, record);

const decodeAsHead = (item: Item) => decodeHead(item, acme, 'DB_PASSWORD');
const decodeAsVersion = (item: Item) => decodeVersion(item, acme, 'DB_PASSWORD', 42);
const detailsOf = (item: Item): Item =>
  Object.fromEntries(
    Object.entries(item).filter(([attribute]) =>
      detailAttributes.some((shown) => shown === attribute),
    ),
  );

const kinds = {
  head: { item: head, decode: decodeAsHead },
  version: { item: version, decode: decodeAsVersion },
  'deleted head': { item: encodeHead(deletion), decode: decodeAsHead },
  'deleted version': { item: encodeVersion(deletion, validTo), decode: decodeAsVersion },
  'destroyed version': { item: encodeVersion(destroyed, validTo), decode: decodeAsVersion },
  details: {
    item: detailsOf(head),
    decode: (item: Item) => decodeDetails(item, acme, 'DB_PASSWORD'),
  },
  record: { item: recordItem, decode: (item: Item) => decodeRecord(item, recordKey) },
};
type Kind = keyof typeof kinds;
const kindNames = Object.keys(kinds) as Kind[];
const attributesOf = (kind: Kind) =>
  Object.keys(kinds[kind].item).map((attribute) => [kind, attribute] as const);
const everyAttribute = kindNames.flatMap(attributesOf);

const refusalOfItem = (kind: Kind, item: Item) => codeOf(() => kinds[kind].decode(item));
const without = (item: Item, attribute: string): Item =>
  Object.fromEntries(Object.entries(item).filter(([name]) => name !== attribute));

describe('an encoded item', () => {
  it('has exactly the attributes of the table, under the right keys', () => {
    const sealedNames =
      'format state vault version validFrom iv ciphertext commitment wrappedDataKey masterKeyId writeId createdBy';
    expect(Object.keys(head).sort()).toEqual(`pk sk tenant name ${sealedNames}`.split(' ').sort());
    expect(Object.keys(version).sort()).toEqual(`pk sk validTo ${sealedNames}`.split(' ').sort());
    expect([head['pk'], head['sk']]).toEqual([
      { S: 'TENANT#acme#SECRET#DB_PASSWORD' },
      { S: 'HEAD' },
    ]);
    expect([version['pk'], version['sk']]).toEqual([head['pk'], { S: 'VERSION#0000000042' }]);
    expect(recordItem['pk']).toEqual({ S: recordKey.pk });
  });

  it('has the same sealed fields in a superseded version as in the head, byte for byte', () => {
    const places = ['pk', 'sk', 'tenant', 'name', 'validTo'];
    const bare = (item: Item) => places.reduce((rest, attribute) => without(rest, attribute), item);
    expect(bare(version)).toEqual(bare(head));
  });

  it('has its expiry rounded up to a whole second if it is an idempotency record', () => {
    const item = encodeRecord(recordKey, { ...record, expiresAt: record.expiresAt + 1 });
    expect(item['expiresAt']).toEqual({ N: String(record.expiresAt / 1000 + 1) });
    expect(kinds.record.decode(item)).toMatchObject({ expiresAt: record.expiresAt + 1_000 });
  });
});

describe('a changed item', () => {
  it.each(everyAttribute)(
    'fails with integrity_failure: %s whose %s is missing or of another type',
    async (kind, attribute) => {
      const { item } = kinds[kind];
      const [[type = '', content] = []] = Object.entries(item[attribute] ?? {});
      const text = String(content);
      const others = {
        S: text,
        N: text,
        B: new Uint8Array(32),
        BOOL: true,
        NULL: true,
        L: [],
        M: {},
      };
      expect(await refusalOfItem(kind, without(item, attribute))).toBe('integrity_failure');
      for (const [name, other] of Object.entries(others)) {
        if (name === type) continue;
        const changed = { ...item, [attribute]: { [name]: other } } as unknown as Item;
        expect(await refusalOfItem(kind, changed)).toBe('integrity_failure');
      }
    },
  );

  it.each(kindNames)('fails with integrity_failure: %s with an unknown attribute', async (kind) => {
    for (const attribute of ['extra', 'Version', 'ttl', 'constructor']) {
      const item = { ...kinds[kind].item, [attribute]: { S: 'x' } };
      expect(await refusalOfItem(kind, item)).toBe('integrity_failure');
    }
  });

  it.each(kindNames)(
    'fails with integrity_failure: an item without attributes instead of a %s',
    async (kind) => {
      expect(await refusalOfItem(kind, {})).toBe('integrity_failure');
    },
  );

  const ranges: readonly (readonly [Kind, string, object])[] = [
    ...(['head', 'version'] as const).flatMap((kind): (readonly [Kind, string, object])[] => [
      [kind, 'pk', { S: 'TENANT#acme#SECRET#OTHER' }],
      [kind, 'pk', { S: 'TENANT#other#SECRET#DB_PASSWORD' }],
      [kind, 'sk', { S: kind === 'head' ? 'VERSION#0000000042' : 'HEAD' }],
      [kind, 'sk', { S: 'VERSION#0000000043' }],
      [kind, 'format', { S: 'v1' }],
      [kind, 'vault', { S: 'other' }],
      [kind, 'state', { S: 'deleted' }],
      [kind, 'state', { S: 'destroyed' }],
      [kind, 'state', { S: 'Stored' }],
      [kind, 'state', { S: 'kept' }],
      [kind, 'format', { S: '' }],
      [kind, 'version', { N: '0' }],
      [kind, 'version', { N: '-1' }],
      [kind, 'version', { N: '1000000000' }],
      [kind, 'version', { N: '42.5' }],
      [kind, 'version', { N: '042' }],
      [kind, 'version', { N: '4.2e1' }],
      [kind, 'version', { N: '42.0' }],
      [kind, 'version', { N: '' }],
      [kind, 'version', { N: 'NaN' }],
      [kind, 'validFrom', { S: '2026-11-24T14:30:48Z' }],
      [kind, 'validFrom', { S: '2026-02-30T14:30:48.123Z' }],
      [kind, 'validFrom', { S: '' }],
      [kind, 'iv', { B: new Uint8Array(11) }],
      [kind, 'iv', { B: new Uint8Array(13) }],
      [kind, 'iv', { B: new Uint8Array(0) }],
      [kind, 'ciphertext', { B: new Uint8Array(15) }],
      [kind, 'ciphertext', { B: new Uint8Array(65_536 + 17) }],
      [kind, 'commitment', { B: new Uint8Array(31) }],
      [kind, 'commitment', { B: new Uint8Array(33) }],
      [kind, 'wrappedDataKey', { B: new Uint8Array(0) }],
      [kind, 'wrappedDataKey', { B: new Uint8Array(6_145) }],
      [kind, 'masterKeyId', { S: '' }],
      [kind, 'writeId', { S: '' }],
      [kind, 'createdBy', { S: '' }],
    ]),
    ['head', 'tenant', { S: 'other' }],
    // The index lists a head only among the heads with its own state.
    ['head', 'tenant', { S: 'acme#DELETED' }],
    ['deleted head', 'tenant', { S: 'acme' }],
    ['deleted head', 'tenant', { S: 'other#DELETED' }],
    ['details', 'tenant', { S: 'acme#DELETED' }],
    ['details', 'tenant', { S: 'other' }],
    ['details', 'pk', { S: 'TENANT#other#SECRET#DB_PASSWORD' }],
    ['details', 'sk', { S: 'VERSION#0000000042' }],
    ['details', 'name', { S: 'OTHER' }],
    ['details', 'vault', { S: 'other' }],
    ['details', 'state', { S: 'deleted' }],
    ['details', 'state', { S: 'destroyed' }],
    ['details', 'version', { N: '0' }],
    ['details', 'validFrom', { S: 'now' }],
    ['deleted version', 'state', { S: 'stored' }],
    ['deleted version', 'validTo', { S: '2026-11-24T14:30:48.123Z' }],
    ['destroyed version', 'state', { S: 'stored' }],
    ['destroyed version', 'state', { S: 'deleted' }],
    ['destroyed version', 'destroyedAt', { S: '2026-11-24' }],
    ['destroyed version', 'destroyedBy', { S: '' }],
    ['destroyed version', 'masterKeyId', { S: '' }],
    // Attributes that a destruction removes must not come back.
    ['destroyed version', 'wrappedDataKey', { B: new Uint8Array(184) }],
    ['destroyed version', 'note', { S: 'moved' }],
    ['deleted head', 'ciphertext', { B: new Uint8Array(23) }],
    ['deleted head', 'masterKeyId', { S: 'k' }],
    ...(['head', 'version', 'deleted head', 'deleted version', 'details'] as const).flatMap(
      (kind): (readonly [Kind, string, object])[] => [
        [kind, 'note', { S: '' }],
        [kind, 'note', { S: 'n'.repeat(513) }],
        [kind, 'note', { S: 'é'.repeat(257) }],
        [kind, 'note', { S: 'two\nlines' }],
        [kind, 'note', { S: '\u001b[2J' }],
        [kind, 'note', { S: 'two\u2028lines' }],
        [kind, 'note', { B: new Uint8Array(5) }],
      ],
    ),
    ['head', 'name', { S: 'OTHER' }],
    ['version', 'version', { N: '41' }],
    ['version', 'version', { N: '43' }],
    ['version', 'validTo', { S: '2026-11-24T14:30:48.123Z' }],
    ['version', 'validTo', { S: '2026-11-24T14:30:48.122Z' }],
    ['version', 'validTo', { S: 'never' }],
    ['record', 'pk', { S: 'TENANT#other#IDEMPOTENCY#hash' }],
    ['record', 'sk', { S: 'HEAD' }],
    ['record', 'operation', { S: '' }],
    ['record', 'writeId', { S: '' }],
    ['record', 'digest', { B: new Uint8Array(31) }],
    ['record', 'digest', { B: new Uint8Array(33) }],
    ['record', 'expiresAt', { N: '-1' }],
    ['record', 'expiresAt', { N: '1.5' }],
    ['record', 'expiresAt', { N: '9007199254741' }],
    ['record', 'written', { L: [{ S: 'A' }] }],
    ['record', 'resolved', { L: [{ S: 'A' }] }],
  ];
  it.each(ranges)(
    'fails with integrity_failure: %s with %s %j',
    async (kind, attribute, content) => {
      const item = { ...kinds[kind].item, [attribute]: content } as Item;
      expect(await refusalOfItem(kind, item)).toBe('integrity_failure');
    },
  );

  const entry = { name: { S: 'A' }, version: { N: '1' } };
  const dated = { ...entry, validFrom: { S: '2026-11-24T14:30:48.123Z' } };
  it.each([
    ['written', { ...dated, name: { S: 'no name' } }],
    ['written', { ...dated, version: { N: '0' } }],
    ['written', { ...dated, validFrom: { S: 'now' } }],
    ['written', { ...dated, extra: { S: 'x' } }],
    ['written', entry],
    ['written', {}],
    ['resolved', { ...entry, name: { S: '' } }],
    ['resolved', { ...entry, version: { N: '1000000000' } }],
    ['resolved', dated],
    ['resolved', {}],
  ])('fails with integrity_failure: a record with an entry in %s of %j', async (list, content) => {
    const item = { ...recordItem, [list]: { L: [{ M: content }] } } as Item;
    expect(await refusalOfItem('record', item)).toBe('integrity_failure');
  });
});

describe('a note in a stored item', () => {
  it('may be missing, or have up to 512 bytes', () => {
    for (const note of [undefined, 'n', 'n'.repeat(512), 'é'.repeat(256)]) {
      const noted = { ...sealed, note };
      expect(decodeAsHead(encodeHead(noted)).note).toBe(note);
      expect(decodeAsVersion(encodeVersion(noted, validTo))).toMatchObject({ note });
      const deleted = encodeHead({ ...deletion, note });
      expect(decodeAsHead(deleted).note).toBe(note);
      expect(kinds.details.decode(detailsOf(deleted))).toMatchObject({ note });
    }
  });

  it('can still be read if the Unicode version of this Node does not know one of its characters', () => {
    // The last character of a plane without any assigned characters.
    const note = 'moved \u{5fffd}';
    expect(isNote(note)).toBe(false);
    expect(decodeAsHead(encodeHead({ ...sealed, note })).note).toBe(note);
  });
});

describe('a destroyed version', () => {
  it('keeps nothing of its value, but everything that its history needs', () => {
    const { item } = kinds['destroyed version'];
    const names =
      'pk sk format state vault version validFrom validTo createdBy writeId masterKeyId destroyedAt destroyedBy';
    expect(Object.keys(item).sort()).toEqual(names.split(' ').sort());
    expect(decodeAsVersion(item)).toEqual({ ...destroyed, validTo });
  });

  it('is never accepted as a head', async () => {
    const { validTo: _, ...fields } = kinds['destroyed version'].item;
    for (const partition of ['acme', 'acme#DELETED', 'acme#DESTROYED']) {
      const item = {
        ...fields,
        sk: { S: 'HEAD' },
        tenant: { S: partition },
        name: { S: 'DB_PASSWORD' },
      };
      expect(await refusalOfItem('head', item)).toBe('integrity_failure');
      expect(await refusalOfItem('details', detailsOf(item))).toBe('integrity_failure');
    }
  });
});

describe('an item under another key', () => {
  it('fails with integrity_failure if it is genuine, but another item was requested', async () => {
    for (const call of [
      () => decodeHead(head, acme, 'OTHER'),
      () => decodeHead(head, { ...acme, tenant: 'other' }, 'DB_PASSWORD'),
      () => decodeHead(version, acme, 'DB_PASSWORD'),
      () => decodeVersion(version, acme, 'DB_PASSWORD', 41),
      () => decodeVersion(version, acme, 'OTHER', 42),
      () => decodeVersion(head, acme, 'DB_PASSWORD', 42),
      () => decodeVersion(version, acme, 'DB_PASSWORD', Number.NaN),
      () => decodeRecord(recordItem, { ...recordKey, pk: 'TENANT#acme#IDEMPOTENCY#other' }),
    ]) {
      expect(await codeOf(call)).toBe('integrity_failure');
    }
  });

  it('fails with integrity_failure if its partition key was changed to the requested one', async () => {
    const moved = { ...head, pk: { S: 'TENANT#other#SECRET#DB_PASSWORD' } };
    expect(await codeOf(() => decodeHead(moved, { ...acme, tenant: 'other' }, 'DB_PASSWORD'))).toBe(
      'integrity_failure',
    );
    const renamed = { ...head, pk: { S: 'TENANT#acme#SECRET#OTHER' } };
    expect(await codeOf(() => decodeHead(renamed, acme, 'OTHER'))).toBe('integrity_failure');
  });

  it('fails with integrity_failure if it is a version under the key of another number', async () => {
    const moved = { ...version, sk: { S: 'VERSION#0000000041' } };
    const decode = () => decodeVersion(moved, acme, 'DB_PASSWORD', 41);
    expect(await codeOf(decode)).toBe('integrity_failure');
  });
});
