/**
 * What each operation costs: its calls to the store and to KMS, in alphabetical order, and its read
 * and write units, for values of 256 bytes. test/contract/calls.test.ts checks these numbers
 * against the vault. docs/design/storage.md explains the units.
 */
export type Cost = {
  readonly store: readonly string[];
  readonly kms: readonly string[];
  /**
   * Read request units: one for each 4 KB that is read consistently, two in a transaction, half
   * through the index.
   */
  readonly reads: number;
  /**
   * Write request units: one for each 1 KB, two in a transaction, including the writes of the
   * index.
   */
  readonly writes: number;
};

const times = (count: number, call: string): string[] => Array.from({ length: count }, () => call);

/**
 * The sizes for which the costs below hold: how many versions the secret has that is read as of an
 * instant, and how many versions and names are listed.
 */
export const costSizes = { versions: 17, listedVersions: 10, listedNames: 100 } as const;

/**
 * Returns the most that a read as of an instant can cost: one read of the head, and one for each
 * halving of the versions below it.
 */
export const getAtCost = (versions: number): Cost => {
  const reads = 1 + Math.ceil(Math.log2(versions));
  return { store: times(reads, 'GetItem'), kms: ['Decrypt'], reads, writes: 0 };
};

type File = {
  /** How many secrets the file creates with `enc()`. */
  readonly created?: number;
  /** How many existing secrets get a new version from the file. */
  readonly next?: number;
  /** How many distinct names `secret()` reads. */
  readonly read?: number;
  /**
   * How many of the secrets that `secret()` reads must still be unchanged when the file is stored:
   * those whose version the file does not pin. By default these are all of them.
   */
  readonly checked?: number;
  /** How many of the versions that the file pins have been superseded. */
  readonly superseded?: number;
  /** The size of the idempotency record of a keyed file in KB: 1 for up to about 20 names. */
  readonly recordKb?: number;
};

/** Returns the cost of one file, on any route: one transaction that reads, and one that writes. */
export const envCost = (file: File): Cost => {
  const { created = 0, next = 0, read = 0, superseded = 0, recordKb = 0 } = file;
  const checked = created + next === 0 ? 0 : (file.checked ?? read);
  const record = recordKb > 0 ? 1 : 0;
  // For each new version of an existing secret, two items are put: the new version and the one that
  // it replaces.
  const actions = created + 2 * next + checked + record;
  // A file that only creates one secret is stored without a transaction, because a transaction
  // would double the units.
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

/**
 * The costs of each operation. A key is the operation as template.yaml names it, followed by the
 * variant, such as `keyed`.
 */
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
  // The transaction also has a condition on the source of the copy, which costs as much as writing
  // it.
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
  // The secret's entry in the index moves to the partition of the deleted names: one unit to remove
  // it, and one to put it there.
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
  // First a put is tried and refused, which costs one write unit. Then two read units are spent on
  // checking whether an earlier attempt stored the first version.
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
  // The query reads ten versions of 850 bytes, which is three times 4 KB.
  'list-versions': { store: ['GetItem', 'Query'], kms: [], reads: 1 + 2, writes: 0 },
  'list-versions with values': {
    store: ['GetItem', 'Query'],
    kms: times(costSizes.listedVersions, 'Decrypt'),
    reads: 1 + 2,
    writes: 0,
  },
  // The query reads a hundred entries of the index with names of 14 characters, at half a unit for
  // each 4 KB.
  'list-secrets': { store: ['Query'], kms: [], reads: 1.5, writes: 0 },
  // The query of the index costs half a unit, and each of the ten heads one.
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
  // `explain` reads the head, which costs as much as a read of the secret.
  'explain-secret': { store: ['GetItem'], kms: ['DescribeKey'], reads: 1, writes: 0 },
  whoami: { store: [], kms: [], reads: 0, writes: 0 },
  'get-status': { store: ['DescribeTable'], kms: ['DescribeKey'], reads: 0, writes: 0 },
  'get-health': { store: [], kms: [], reads: 0, writes: 0 },
} as const satisfies Readonly<Record<string, Cost>>;

/**
 * How many bytes a stored secret occupies beyond its value, at most. `usual`: with a name of 16
 * characters and no note. `largest`: with the longest name, note and vault id.
 */
export const keptBytes = { usual: 600, largest: 1_730 } as const;
