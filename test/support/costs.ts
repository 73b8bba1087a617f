/**
 * What each operation costs: its calls to the store and to KMS, in alphabetical order, and its read and write units.
 * The one place that says so: test/contract/costs.test.ts and test/proof/calls.test.ts hold the vault to it, and `npm
 * run bench -- cost` says what it comes to in dollars. For values of 256 bytes; docs/design/storage.md has the table.
 */
export type Cost = {
  readonly store: readonly string[];
  readonly kms: readonly string[];
  /** Read request units: one for 4 KB read consistently, two in a transaction, half through the index. */
  readonly reads: number;
  /** Write request units: one for 1 KB, two in a transaction; the index's among them. */
  readonly writes: number;
};

const times = (count: number, call: string): string[] => Array.from({ length: count }, () => call);

/** How many versions the secret has whose version as of an instant is asked for, and how many names are listed. */
export const costSizes = { versions: 17, listedVersions: 10, listedNames: 100 } as const;

/** At most: the head, and the halvings of what is below it. */
export const getAtCost = (versions: number): Cost => {
  const reads = 1 + Math.ceil(Math.log2(versions));
  return { store: times(reads, 'GetItem'), kms: ['Decrypt'], reads, writes: 0 };
};

type File = {
  /** Names that `enc()` creates. */
  readonly created?: number;
  /** Distinct names that `secret()` reads. */
  readonly read?: number;
  /** Of those, the ones that must still be what was read when the file is stored: all but the pinned ones. */
  readonly checked?: number;
  /** Superseded versions that pins ask for. */
  readonly superseded?: number;
  /** Of a keyed file, the size of its record: 1 up to some 20 names. */
  readonly recordKb?: number;
};

/** One file, whatever route takes it: one transaction that reads, and one that writes. */
export const envCost = (file: File): Cost => {
  const { created = 0, read = 0, superseded = 0, recordKb = 0 } = file;
  const checked = created === 0 ? 0 : (file.checked ?? read);
  const record = recordKb > 0 ? 1 : 0;
  const actions = created + checked + record;
  // A single put of a secret needs no transaction, which doubles the units.
  const isTransaction = actions > 1 || record > 0;
  const write = actions === 0 ? [] : [isTransaction ? 'TransactWriteItems' : 'PutItem'];
  const reads = [
    ...times(record + superseded, 'GetItem'),
    ...times(read > 0 ? 1 : 0, 'TransactGetItems'),
  ];
  const opened = (file.checked ?? read) + superseded;
  return {
    store: [...reads, ...write].sort(),
    kms: [...times(opened, 'Decrypt'), ...times(created, 'GenerateDataKey')],
    reads: record + superseded + 2 * read,
    // The index has one entry for each new head.
    writes: (isTransaction ? 2 * (actions - record + recordKb) : actions) + created,
  };
};

/** By the operation of template.yaml, and what is special about it. */
export const costs = {
  'create-secret': { store: ['PutItem'], kms: ['GenerateDataKey'], reads: 0, writes: 1 + 1 },
  'create-secret, keyed': {
    store: ['GetItem', 'TransactWriteItems'],
    kms: ['GenerateDataKey'],
    reads: 1,
    writes: 2 * 2 + 1,
  },
  'update-secret': {
    store: ['GetItem', 'TransactWriteItems'],
    kms: ['GenerateDataKey'],
    reads: 1,
    writes: 2 * 2,
  },
  'update-secret, keyed': {
    store: ['GetItem', 'GetItem', 'TransactWriteItems'],
    kms: ['GenerateDataKey'],
    reads: 2,
    writes: 2 * 3,
  },
  'get-secret': { store: ['GetItem'], kms: ['Decrypt'], reads: 1, writes: 0 },
  'get-secret by version': { store: times(3, 'GetItem'), kms: ['Decrypt'], reads: 3, writes: 0 },
  'get-secret at an instant': getAtCost(costSizes.versions),
  'get-secret, not found': { store: ['GetItem'], kms: [], reads: 1, writes: 0 },
  // Ten versions of 850 bytes are read as three times 4 KB.
  'list-versions': { store: ['GetItem', 'Query'], kms: [], reads: 1 + 2, writes: 0 },
  'list-versions with values': {
    store: ['GetItem', 'Query'],
    kms: times(costSizes.listedVersions, 'Decrypt'),
    reads: 1 + 2,
    writes: 0,
  },
  // A hundred entries of the index, with names of 14 characters, at half a unit for 4 KB.
  'list-secrets': { store: ['Query'], kms: [], reads: 1.5, writes: 0 },
  'encrypt-env of 40 names': envCost({ created: 40 }),
  'expand-env of 40 names': envCost({ read: 40 }),
  'submit-env of 20 new names and 20 known, keyed': envCost({
    created: 20,
    read: 20,
    recordKb: 2,
  }),
  'get-status': { store: ['DescribeTable'], kms: ['DescribeKey'], reads: 0, writes: 0 },
  'get-health': { store: [], kms: [], reads: 0, writes: 0 },
} as const satisfies Readonly<Record<string, Cost>>;

/** What a secret takes at most beside its value, in bytes: with names of 16 characters, and with the largest. */
export const keptBytes = { usual: 580, largest: 1_140 } as const;
