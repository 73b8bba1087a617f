/**
 * The cost of each operation: its calls to the store and to KMS, in alphabetical order, and its read and write units,
 * for values of 256 bytes. test/contract/calls.test.ts holds the vault to these numbers. docs/design/storage.md has the
 * table.
 */
export type Cost = {
  readonly store: readonly string[];
  readonly kms: readonly string[];
  /** Read request units: one for 4 KB read consistently, two in a transaction, half through the index. */
  readonly reads: number;
  /** Write request units: one for 1 KB, two in a transaction, including those of the index. */
  readonly writes: number;
};

const times = (count: number, call: string): string[] => Array.from({ length: count }, () => call);

/** The number of versions of the secret that is read as of an instant, and the number of listed names. */
export const costSizes = { versions: 17, listedVersions: 10, listedNames: 100 } as const;

/** The highest cost: one read of the head, and one for each halving of the versions below it. */
export const getAtCost = (versions: number): Cost => {
  const reads = 1 + Math.ceil(Math.log2(versions));
  return { store: times(reads, 'GetItem'), kms: ['Decrypt'], reads, writes: 0 };
};

type File = {
  /** The number of names that `enc()` creates. */
  readonly created?: number;
  /** The number of existing names whose next version it stores. */
  readonly next?: number;
  /** The number of distinct names that `secret()` reads. */
  readonly read?: number;
  /** The number of read names that must be unchanged when the file is stored: all except the pinned ones. */
  readonly checked?: number;
  /** The number of superseded versions that pins ask for. */
  readonly superseded?: number;
  /** The size of the record of a keyed file in KB: 1 up to about 20 names. */
  readonly recordKb?: number;
};

/** The cost of one file on any route: one transaction that reads, and one that writes. */
export const envCost = (file: File): Cost => {
  const { created = 0, next = 0, read = 0, superseded = 0, recordKb = 0 } = file;
  const checked = created + next === 0 ? 0 : (file.checked ?? read);
  const record = recordKb > 0 ? 1 : 0;
  // A next version is put, and so is the one that it replaces.
  const actions = created + 2 * next + checked + record;
  // A single put of a secret needs no transaction, which would double the units.
  const isTransaction = actions > 1 || record > 0;
  const write = actions === 0 ? [] : [isTransaction ? 'TransactWriteItems' : 'PutItem'];
  const reads = [
    ...times(record + superseded, 'GetItem'),
    ...times(next + read > 0 ? 1 : 0, 'TransactGetItems'),
  ];
  const opened = (file.checked ?? read) + superseded;
  return {
    store: [...reads, ...write].sort(),
    kms: [...times(opened, 'Decrypt'), ...times(created + next, 'GenerateDataKey')],
    reads: record + superseded + 2 * (next + read),
    // The index has one entry for each new head.
    writes: (isTransaction ? 2 * (actions - record + recordKb) : actions) + created,
  };
};

/** The costs by operation of template.yaml and variant. */
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
  // The condition on the source costs as much as a write of it.
  'copy-secret': {
    store: ['GetItem', 'TransactGetItems', 'TransactWriteItems'],
    kms: ['Decrypt', 'GenerateDataKey'],
    reads: 2 + 1,
    writes: 2 * 3,
  },
  'copy-secret of another secret': {
    store: ['TransactGetItems', 'TransactWriteItems'],
    kms: ['Decrypt', 'GenerateDataKey'],
    reads: 2 * 2,
    writes: 2 * 3,
  },
  // The entry in the index moves to the deleted ones, which costs one unit to remove and one to put.
  'delete-secret': {
    store: ['GetItem', 'TransactWriteItems'],
    kms: [],
    reads: 1,
    writes: 2 * 2 + 2,
  },
  'delete-secret, keyed': {
    store: ['GetItem', 'GetItem', 'TransactWriteItems'],
    kms: [],
    reads: 2,
    writes: 2 * 3 + 2,
  },
  // The refused put costs a unit, and the look for an own first version two.
  'create-secret over a deletion': {
    store: ['PutItem', 'TransactGetItems', 'TransactWriteItems'],
    kms: ['GenerateDataKey'],
    reads: 2,
    writes: 2 * 2 + 2,
  },
  'destroy-version': { store: ['GetItem', 'GetItem', 'PutItem'], kms: [], reads: 2, writes: 1 },
  'get-secret, unchanged': { store: ['GetItem'], kms: [], reads: 1, writes: 0 },
  'get-secret': { store: ['GetItem'], kms: ['Decrypt'], reads: 1, writes: 0 },
  'get-secret by version': { store: times(3, 'GetItem'), kms: ['Decrypt'], reads: 3, writes: 0 },
  'get-secret at an instant': getAtCost(costSizes.versions),
  'get-secret, not found': { store: ['GetItem'], kms: [], reads: 1, writes: 0 },
  // Ten versions of 850 bytes take three reads of 4 KB.
  'list-versions': { store: ['GetItem', 'Query'], kms: [], reads: 1 + 2, writes: 0 },
  'list-versions with values': {
    store: ['GetItem', 'Query'],
    kms: times(costSizes.listedVersions, 'Decrypt'),
    reads: 1 + 2,
    writes: 0,
  },
  // A hundred index entries with names of 14 characters, at half a unit for each 4 KB.
  'list-secrets': { store: ['Query'], kms: [], reads: 1.5, writes: 0 },
  // One unit of the index, and one for each of ten heads.
  'list-secrets with details': {
    store: ['BatchGetItem', 'Query'],
    kms: [],
    reads: 0.5 + 10,
    writes: 0,
  },
  'expand-env, unchanged': { store: ['TransactGetItems'], kms: [], reads: 2, writes: 0 },
  'encrypt-env of 40 names': envCost({ created: 40 }),
  'expand-env of 40 names': envCost({ read: 40 }),
  'submit-env of 20 new names and 20 known, keyed': envCost({ created: 20, read: 20, recordKb: 2 }),
  // The look at the head costs as much as a read of the secret.
  'explain-secret': { store: ['GetItem'], kms: ['DescribeKey'], reads: 1, writes: 0 },
  whoami: { store: [], kms: [], reads: 0, writes: 0 },
  'get-status': { store: ['DescribeTable'], kms: ['DescribeKey'], reads: 0, writes: 0 },
  'get-health': { store: [], kms: [], reads: 0, writes: 0 },
} as const satisfies Readonly<Record<string, Cost>>;

/**
 * The largest overhead of a stored secret in bytes: with names of 16 characters and no note, and with the longest names,
 * note and vault id.
 */
export const keptBytes = { usual: 600, largest: 1_730 } as const;
