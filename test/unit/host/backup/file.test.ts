/** The backup file is accepted only if it is complete and unchanged. */
import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { beforeEach, describe, expect, it } from '@jest/globals';
import {
  encodeHead,
  encodeRecord,
  encodeVersion,
  type Item,
} from '../../../../functions/store/items.ts';
import { createBackup, readBackup } from '../../../../host/backup/file.ts';
import type { Facts } from '../../../../host/backup/format.ts';
import { freshFolder } from '../../../support/local-process.ts';

const facts: Facts = {
  vault: 'vault-1',
  table: 'vault',
  takenAt: '2026-11-28T06:00:00.000Z',
  store: 'dynoxide',
};
const of = { vault: 'vault-1', tenant: 'acme', name: 'DB', createdBy: 'alice' } as const;
const sealed = {
  state: 'stored',
  iv: Buffer.alloc(12, 1),
  ciphertext: Buffer.alloc(20, 2),
  commitment: Buffer.alloc(32, 3),
  wrappedDataKey: Buffer.alloc(9, 4),
} as const;
const destroyed = { state: 'destroyed', masterKeyId: 'key/0', destroyedBy: 'bob' } as const;
const record = {
  operation: 'update-secret',
  writeId: 'w3',
  contentHash: Buffer.alloc(32),
} as const;

/** A secret with three versions, the first of them destroyed, and the record of the last write. */
const items: readonly Item[] = [
  encodeRecord(
    { pk: `TENANT#acme#IDEMPOTENCY#${'h'.repeat(43)}`, sk: 'RECORD' },
    { ...record, written: [{ name: 'DB', version: 3, validFrom: 3 }], resolved: [], expiresAt: 9 },
  ),
  encodeHead({ ...of, ...sealed, version: 3, validFrom: 3, writeId: 'w3', masterKeyId: 'key/2' }),
  encodeVersion(
    { ...of, ...destroyed, version: 1, validFrom: 1, writeId: 'w1', destroyedAt: 4 },
    2,
  ),
  encodeVersion(
    { ...of, ...sealed, version: 2, validFrom: 2, writeId: 'w2', masterKeyId: 'key/1', note: 'é' },
    3,
  ),
];

async function* pagesOf(all: readonly Item[]) {
  yield all.slice(0, 1);
  yield all.slice(1);
}
const counts = { written: 0, checked: 0 };
const counters = {
  written: (count: number) => {
    counts.written += count;
  },
  checked: (count: number) => {
    counts.checked += count;
  },
};
const make = (file: string, all = items) =>
  createBackup(file, async () => ({ facts, pages: pagesOf(all) }), counters);
const read = async (file: string) => {
  const found: Item[] = [];
  const { manifest } = await readBackup(file, (some) => found.push(...some));
  return { found, manifest };
};

let folder: string;
let file: string;
beforeEach(() => {
  Object.assign(counts, { written: 0, checked: 0 });
  folder = freshFolder();
  file = join(folder, 'vault.backup');
});

describe('createBackup', () => {
  it('makes a file with every item and a count of them, and checks the file by reading it again', async () => {
    const { manifest } = await make(file);
    expect(manifest).toMatchObject({
      ...{ vault: 'vault-1', items: 4, secrets: 1, deletedSecrets: 0, versions: 3 },
      ...{ destroyedVersions: 1, idempotencyRecords: 1, unreadableItems: 0 },
      masterKeyIds: ['key/1', 'key/2'],
    });
    expect(counts).toEqual({ written: 4, checked: 4 });
    expect(await read(file)).toEqual({ found: items, manifest });
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readdirSync(folder)).toEqual(['vault.backup']);
  });

  it('computes one digest for equal items, whatever the order of their attributes', async () => {
    const turned = items.map((item) => Object.fromEntries(Object.entries(item).reverse()));
    const other = await make(join(folder, 'other'), turned);
    expect(other.manifest).toEqual((await make(file)).manifest);
  });

  it('never replaces a file, and leaves no file behind if the items are out of order or the file cannot be written', async () => {
    writeFileSync(join(folder, 'other'), 'precious');
    await expect(make(join(folder, 'other'))).rejects.toThrow(/exists already/);
    expect(readFileSync(join(folder, 'other'), 'utf8')).toBe('precious');
    async function* pagesMeanwhile() {
      yield items;
      writeFileSync(join(folder, 'other'), 'precious');
    }
    rmSync(join(folder, 'other'));
    const source = async () => ({ facts, pages: pagesMeanwhile() });
    const slow = createBackup(join(folder, 'other'), source, counters);
    await expect(slow).rejects.toThrow(/exists already/);
    expect(readFileSync(join(folder, 'other'), 'utf8')).toBe('precious');
    await expect(make(file, items.toReversed())).rejects.toThrow(/not sorted by their keys/);
    await expect(make(join(folder, 'none', 'file'))).rejects.toThrow(
      /cannot be written \(ENOENT\)/,
    );
    expect([existsSync(file), readdirSync(folder)]).toEqual([false, ['other']]);
  });
});

describe('readBackup', () => {
  const textOf = () => gunzipSync(readFileSync(file)).toString('utf8');
  const lines = () => textOf().trimEnd().split('\n');
  const write = (changed: readonly string[]) =>
    writeFileSync(file, gzipSync(changed.map((line) => `${line}\n`).join('')));

  it.each<[string, RegExp, () => void]>([
    [
      'without its last bytes',
      /truncated/,
      () => writeFileSync(file, readFileSync(file).subarray(0, -9)),
    ],
    ['without its last line', /truncated/, () => write(lines().slice(0, -1))],
    ['without an item', /do not match its last line/, () => write(lines().toSpliced(2, 1))],
    [
      'with an item twice',
      /not sorted by their keys/,
      () => write(lines().toSpliced(2, 0, lines()[2] ?? '')),
    ],
    [
      'with a changed value',
      /do not match its last line/,
      () => write([textOf().trimEnd().replace('"AgIC', '"AwIC')]),
    ],
    [
      'with a line in another form',
      /not an item/,
      () => write([textOf().trimEnd().replace('"Item":{', '"Item": {')]),
    ],
    [
      'with a line after its last line',
      /something after its last line/,
      () => write([...lines(), lines()[1] ?? '']),
    ],
    [
      'with another vault in its first line',
      /do not match its last line/,
      () => write([textOf().trimEnd().replace('vault-1', 'vault-2')]),
    ],
    [
      'with a changed byte',
      /is damaged/,
      () => {
        const bytes = readFileSync(file);
        bytes.writeUInt8(bytes.readUInt8(bytes.length - 6) ^ 1, bytes.length - 6);
        writeFileSync(file, bytes);
      },
    ],
    [
      'of a later format',
      /format 2/,
      () => write([textOf().trimEnd().replace('"format":1', '"format":2')]),
    ],
    ['of another program', /is not a backup/, () => writeFileSync(file, 'SQLite format 3')],
    ['that is an export of DynamoDB', /is not a backup/, () => write(lines().slice(1, -1))],
    [
      'with a line that does not end',
      /is damaged: a line is too long/,
      () => writeFileSync(file, gzipSync('x'.repeat(9 * 1_048_576))),
    ],
    ['that is empty', /is not a backup|truncated/, () => writeFileSync(file, '')],
  ])('refuses a file %s', async (_, sentence, damage) => {
    await make(file);
    damage();
    await expect(read(file)).rejects.toThrow(sentence);
  });

  it('refuses a file that does not exist', async () => {
    await expect(read(file)).rejects.toThrow(`there is no file ${file}`);
  });
});
