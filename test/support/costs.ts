/**
 * What calls to the store and to KMS cost: their read and write units, for values of 256 bytes.
 * docs/design/storage.md explains the units. test/support/routes.ts has the cost of each operation.
 */
export type Cost = {
  /** The calls to the store, and those to KMS, in alphabetical order. */
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

type Units = { readonly reads?: number; readonly writes?: number };
/** Returns the cost of these calls to the store and to KMS, each in alphabetical order. */
export const calls = (units: Units, ...names: readonly string[]): Cost => {
  const isOfKey = (name: string) => /Key$|^Decrypt$/.test(name);
  const store = names.filter((name) => !isOfKey(name));
  return { store, kms: names.filter(isOfKey), reads: 0, writes: 0, ...units };
};

/** Returns the cost of reading so many single items, besides these calls to KMS. */
export const itemReads = (reads: number, ...kms: readonly string[]): Cost =>
  calls({ reads }, ...times(reads, 'GetItem'), ...kms);

/**
 * Returns the most that a read as of an instant can cost: one read of the head, and one for each
 * halving of the versions below it.
 */
export const getAtCost = (versions: number): Cost =>
  itemReads(1 + Math.ceil(Math.log2(versions)), 'Decrypt');

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

type OverDeletion = { readonly names?: number; readonly keyed?: number; readonly writes: number };
/**
 * Returns the cost of a write whose first transaction fails because of a deletion, and whose second
 * one succeeds. In between, the request looks whether it has itself written a first version, and a
 * file also reads the heads of its names again. `keyed` is how often the idempotency record is
 * looked up.
 */
export const overDeletion = ({ names = 0, keyed = 0, writes }: OverDeletion): Cost =>
  calls(
    { reads: keyed + 2 + 2 * names, writes },
    ...times(keyed, 'GetItem'),
    ...times(names > 0 ? 2 : 1, 'TransactGetItems'),
    ...['TransactWriteItems', 'TransactWriteItems'],
    ...times(Math.max(1, names), 'GenerateDataKey'),
  );

/** Returns the cost of a write without and with an idempotency key, whose record it then writes. */
export const withRecord = (units: Units, ...names: readonly string[]): [Cost, Cost] => {
  const cost = calls(units, ...names);
  const [reads, writes] = [cost.reads + 1, cost.writes + 2];
  return [cost, { ...cost, store: ['GetItem', ...cost.store], reads, writes }];
};

/** Returns the cost of a file without and with an idempotency key. */
export const fileCosts = (file: File): [Cost, Cost] => [
  envCost(file),
  envCost({ ...file, recordKb: 1 }),
];

/**
 * How many bytes a stored secret occupies beyond its value, at most. `usual`: with a name of 16
 * characters and no note. `largest`: with the longest name, note and vault id.
 */
export const keptBytes = { usual: 600, largest: 1_730 } as const;
