/**
 * What restoring a backup would undo: every kind of difference between two streams of items, and
 * how it is reported to the user.
 */
import { describe, expect, it } from '@jest/globals';
import {
  encodeHead,
  encodeRecord,
  encodeVersion,
  type Item,
} from '../../../../functions/store/items.ts';
import {
  addToCopy,
  type Copy,
  type Finding,
  findDifference,
  linesOfPreview,
} from '../../../../host/backup/difference.ts';
import { isFailure } from '../../../../system/failures.ts';
import { seeded } from '../../../support/adversary/random.ts';
import { seed } from '../../../support/seed.ts';

const vault = 'vault-1';
const sealed = {
  state: 'stored',
  iv: Buffer.alloc(12, 1),
  ciphertext: Buffer.alloc(20, 2),
  commitment: Buffer.alloc(32, 3),
  wrappedDataKey: Buffer.alloc(9, 4),
  masterKeyId: 'key/1',
} as const;
const gone = {
  state: 'destroyed',
  masterKeyId: 'key/1',
  destroyedBy: 'bob',
  destroyedAt: 9,
} as const;

/**
 * A secret with one version for each write id. `-w` makes version `w` a deletion, and `xw` makes it
 * a destroyed version.
 */
const secret = (name: string, ...writes: readonly string[]): readonly Item[] =>
  writes.map((write, index) => {
    const [mark, writeId] = /^[-x]/.test(write) ? [write[0], write.slice(1)] : ['', write];
    const version = index + 1;
    const facts = {
      ...{ vault, tenant: 'acme', name, version, validFrom: version },
      ...{ writeId, createdBy: `by ${writeId}` },
    };
    const note = `note of ${writeId}`;
    if (mark === 'x') return encodeVersion({ ...facts, ...gone }, version + 1);
    const written = mark === '-' ? ({ state: 'deleted', note } as const) : { ...sealed, note };
    const whole = { ...facts, ...written };
    return version === writes.length ? encodeHead(whole) : encodeVersion(whole, version + 1);
  });
const now = 1_000_000;
const keyed = (hash: string, writeId: string, expiresAt = now + 1_000): readonly Item[] => [
  encodeRecord(
    { pk: `TENANT#acme#IDEMPOTENCY#${hash.repeat(43)}`, sk: 'RECORD' },
    {
      ...{ operation: 'create-secret', writeId, contentHash: Buffer.alloc(32), resolved: [] },
      ...{ written: [{ name: 'A', version: 1, validFrom: 1 }], expiresAt },
    },
  ),
];
const unreadable = [{ pk: { S: 'TENANT#acme#SECRET#A' }, sk: { S: 'OTHER' } }];

async function* pagesOf(items: readonly Item[], size = 2) {
  for (let from = 0; from < items.length; from += size) yield items.slice(from, from + size);
  yield [];
}
const find = async (
  store: readonly Item[],
  backup: readonly Item[],
  own: string | undefined = vault,
) => {
  const copy: Copy = { vault: undefined, writes: new Map() };
  for await (const page of pagesOf(backup, 3)) addToCopy(copy, page);
  return await findDifference(pagesOf(store), own, copy, now);
};
const tell = (findings: readonly Finding[]): readonly string[] =>
  linesOfPreview({ compared: [], findings });

const nothing = ['A restore would lose nothing.'];
const vanishes = (...lines: readonly string[]) => [
  `${lines.length === 1 ? '1 version' : `${lines.length} versions`} would be lost, and their numbers would be assigned again:`,
  ...lines,
];
const by = (name: string, version: number, writeId: string) =>
  `  tenant acme, ${name} version ${version} by by ${writeId}: note of ${writeId}`;

describe('the difference between a store and a backup', () => {
  it.each<[string, readonly Item[], readonly Item[], readonly string[]]>([
    ['empty for two empty sides', [], [], nothing],
    [
      'empty for equal sides',
      [...keyed('h', 'w'), ...secret('A', 'a', 'xb', '-c')],
      [...keyed('h', 'w'), ...secret('A', 'a', 'xb', '-c')],
      nothing,
    ],
    ['empty for secrets that only the backup holds', [], secret('A', 'a'), nothing],
    [
      'empty for versions that only the backup holds',
      secret('A', 'a'),
      secret('A', 'a', 'b'),
      nothing,
    ],
    [
      'a version that the backup lacks, with its author and note',
      secret('A', 'a', 'b'),
      secret('A', 'a'),
      [...vanishes(by('A', 2, 'b')), 'In all: 1 version.'],
    ],
    [
      'a secret that the backup lacks',
      [...secret('A', 'a'), ...secret('B', 'b', 'xc', '-d')],
      secret('A', 'a'),
      [
        ...vanishes(
          by('B', 1, 'b'),
          '  tenant acme, B version 2 by by c, destroyed by bob',
          '  tenant acme, B version 3 by by d, a deletion: note of d',
        ),
        'In all: 3 versions.',
      ],
    ],
    [
      'the versions that another write made in the backup, without the equal ones between them',
      secret('A', 'a', 'b', 'c', 'd'),
      secret('A', 'n', 'b', 'o', 'p', 'q'),
      [...vanishes(by('A', 1, 'a'), by('A', 3, 'c'), by('A', 4, 'd')), 'In all: 3 versions.'],
    ],
    [
      'a deleted secret that comes back',
      secret('A', 'a', '-b'),
      secret('A', 'a'),
      [
        ...vanishes('  tenant acme, A version 2 by by b, a deletion: note of b'),
        '1 deleted secret would come back:',
        '  tenant acme, A version 2 by by b, a deletion: note of b',
        'In all: 1 version, 1 deleted secret.',
      ],
    ],
    [
      'a deletion and the value after it, without a deleted secret that comes back',
      secret('A', 'a', '-b', 'c'),
      secret('A', 'a'),
      [
        ...vanishes('  tenant acme, A version 2 by by b, a deletion: note of b', by('A', 3, 'c')),
        'In all: 2 versions.',
      ],
    ],
    [
      'a destroyed value that comes back, and no version whose number is assigned again',
      secret('A', 'xa', 'b'),
      secret('A', 'a', 'b'),
      [
        '1 destroyed value would come back:',
        '  tenant acme, A version 1 by by a, destroyed by bob',
        'In all: 1 destroyed value.',
      ],
    ],
    [
      'a changed version, for a value that the backup holds as destroyed',
      secret('A', 'a', 'b'),
      secret('A', 'xa', 'b'),
      [
        '1 changed version would be as in the backup:',
        by('A', 1, 'a'),
        'In all: 1 changed version.',
      ],
    ],
    [
      'a changed version and a deleted secret that comes back, if the same write made a value in the backup',
      secret('A', '-a'),
      secret('A', 'a'),
      [
        '1 changed version would be as in the backup:',
        '  tenant acme, A version 1 by by a, a deletion: note of a',
        '1 deleted secret would come back:',
        '  tenant acme, A version 1 by by a, a deletion: note of a',
        'In all: 1 changed version, 1 deleted secret.',
      ],
    ],
    [
      'the unexpired keyed requests that the backup lacks or has from another write',
      [...keyed('h', 'w'), ...keyed('i', 'new'), ...keyed('j', 'w', now)],
      [...keyed('i', 'old'), ...keyed('k', 'w')],
      [
        '2 keyed requests would be forgotten, and a repeated request would take effect again:',
        '  tenant acme, create-secret A@1, until 1970-01-01T00:16:41.000Z',
        '  tenant acme, create-secret A@1, until 1970-01-01T00:16:41.000Z',
        'In all: 2 keyed requests.',
      ],
    ],
    [
      'an item of the store that cannot be read',
      [...secret('A', 'a'), ...unreadable],
      secret('A', 'a'),
      [
        '1 item cannot be read, so nothing is known about it:',
        '  TENANT#acme#SECRET#A OTHER',
        'In all: 1 item.',
      ],
    ],
    [
      'a version whose item in the backup cannot be read',
      secret('A', 'a'),
      secret('A', 'a').map((item) => ({ ...item, more: { S: '' } })),
      [...vanishes(by('A', 1, 'a')), 'In all: 1 version.'],
    ],
  ])('is %s', async (_, store, backup, lines) => {
    expect(tell(await find(store, backup))).toEqual(lines);
  });

  const random = seeded(seed);
  const shuffled = <One>(all: readonly One[]): readonly One[] =>
    all
      .map((one) => ({ one, rank: random() }))
      .sort((a, b) => a.rank - b.rank)
      .map(({ one }) => one);

  it('does not depend on the order of secrets, nor on that of the versions of a secret', async () => {
    const names = Array.from({ length: 40 }, (_, index) => `S${String(index).padStart(2, '0')}`);
    const store = names.map((name, index) =>
      secret(name, `a${name}`, index % 3 ? `b${name}` : `-b${name}`),
    );
    const backup = names.flatMap((name, index) => (index % 4 ? [secret(name, `a${name}`)] : []));
    const inOrder = await find(store.flat(), backup.flat());
    expect(inOrder.length).toBeGreaterThan(50);
    for (let round = 0; round < 5; round += 1) {
      const [one, other] = [store, backup].map((all) =>
        shuffled(all).flatMap((each) => shuffled(each)),
      );
      expect(await find(one ?? [], other ?? [])).toEqual(inOrder);
    }
  });

  it('is still empty if the scan shows a version twice because an update moved it meanwhile', async () => {
    const [first, moved, head] = secret('A', 'a', 'b', 'c');
    const before = secret('A', 'a', 'b').at(-1);
    const backup = [first, moved, head] as readonly Item[];
    expect(await find([before, first, moved] as readonly Item[], backup)).toEqual([]);
  });

  it('is empty for an empty table, which names no vault', async () => {
    expect(await find([], secret('A', 'a'), undefined)).toEqual([]);
  });

  it('contains no secret value', async () => {
    const findings = await find([...secret('A', 'a'), ...secret('B', '-b')], secret('B', 'c'));
    expect(findings.map(({ kind }) => kind)).toEqual(['version', 'version', 'secret']);
    for (const finding of findings) {
      expect(Object.values(finding).every((one) => typeof one === 'string')).toBe(true);
    }
  });

  it('is refused with exit code 2 if the backup is of another vault, even if only the items of the store name its vault', async () => {
    const other = secret('A', 'a').map((item) => ({ ...item, vault: { S: 'vault-2' } }));
    for (const own of [vault, undefined]) {
      const error = await find(secret('A', 'a'), other, own).catch((thrown: unknown) => thrown);
      expect(isFailure(error) && [error.exitCode, error.message]).toEqual([
        2,
        'the backup is of the vault vault-2, and the store of vault-1',
      ]);
    }
  });
});

describe('the lines of a restore preview', () => {
  it('escape invisible format characters that somebody wrote into a caller or a note in the table', async () => {
    const hostile = secret('A', 'a').map((item) => ({
      ...{ ...item, createdBy: { S: 'al\u202eice' }, note: { S: 'x\u200by' } },
    }));
    expect(tell(await find(hostile, []))[1]).toBe(
      '  tenant acme, A version 1 by al\\u{202e}ice: x\\u{200b}y',
    );
  });
});
