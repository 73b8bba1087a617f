/**
 * The format of backup files, which is the same for every store: gzip, with one JSON object per
 * line.
 *
 *   {"Backup":{…}}     the vault, the table and the moment of the copy
 *   {"Item":{…}}       a stored item, as in DynamoDB's exports to S3; sorted by pk and sk
 *   {"Manifest":{…}}   the counts of items and the SHA-256 of their lines; missing if truncated
 *
 * Attributes are sorted by name, so an item has the same line whatever its store. Two backups of
 * the same data therefore have the same hash, and a restored store can be compared with its backup.
 * Values stay sealed, and the file contains no key.
 */
import { createHash } from 'node:crypto';
import * as v from 'valibot';
import { attributesOf, itemFrom } from '../../functions/store/item-json.ts';
import type { Item } from '../../functions/store/items.ts';
import { failure } from '../../system/failures.ts';
import { readRow } from '../verify/read-row.ts';

const formatNumber = 1;
const count = v.pipe(v.number(), v.integer(), v.minValue(0));

const facts = v.strictObject({
  format: v.literal(formatNumber),
  vault: v.string(),
  table: v.string(),
  /** The moment of the copy, as in RFC 3339. */
  takenAt: v.string(),
  /** The database that the data was copied from: `sqlite` or `etcd`. */
  store: v.string(),
  /** The revision of the store, if it counts its writes. */
  revision: v.optional(v.string()),
  /** The cluster that stored the data. */
  cluster: v.optional(v.string()),
  /**
   * Present if this is a copy of one stopped node. No other node was asked, so the copy may lack
   * writes that the cluster acknowledged.
   */
  alone: v.optional(v.literal(true)),
});
const manifest = v.strictObject({
  vault: v.string(),
  items: count,
  secrets: count,
  /** The number of secrets whose current version is a deletion. */
  deletedSecrets: count,
  versions: count,
  destroyedVersions: count,
  idempotencyRecords: count,
  /**
   * The number of items that are damaged or of a kind that the vault does not know. They are copied
   * like all others.
   */
  unreadableItems: count,
  /** The ids of the master keys with which the values are sealed, ascending. */
  masterKeyIds: v.array(v.string()),
  sha256: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/)),
});
const anyFormat = v.object({ Backup: v.looseObject({ format: v.number() }) });

/** The first line says of what the backup is a copy. */
export type Facts = Omit<v.InferOutput<typeof facts>, 'format'>;
/** The last line says what the backup contains. */
export type Manifest = v.InferOutput<typeof manifest>;

/**
 * What a backup is made from: the facts for its first line, and all items as of one moment, in
 * pages and ascending by the bytes of pk and sk.
 */
export type Source = { readonly facts: Facts; readonly pages: AsyncIterable<readonly Item[]> };

export const firstLine = (given: Facts): string =>
  JSON.stringify({ Backup: { format: formatNumber, ...given } });

export const lastLine = (given: Manifest): string => JSON.stringify({ Manifest: given });

/**
 * Parses the first line. Returns `undefined` if it is something else, and throws a failure for the
 * format of a later release.
 */
export const readFirstLine = (line: string): Facts | undefined => {
  const found = parse(line);
  const known = v.safeParse(v.strictObject({ Backup: facts }), found);
  if (known.success) {
    const { format: _, ...rest } = known.output.Backup;
    return rest;
  }
  const other = v.safeParse(anyFormat, found);
  if (!other.success || other.output.Backup.format === formatNumber) return undefined;
  throw failure(
    `the backup has the format ${other.output.Backup.format}, and this release reads format ${formatNumber}`,
  );
};

/** Parses the last line; `undefined` if it is something else. */
export const readLastLine = (line: string): Manifest | undefined => {
  const known = v.safeParse(v.strictObject({ Manifest: manifest }), parse(line));
  return known.success ? known.output.Manifest : undefined;
};

/** Returns the line of an item, without the line feed. Equal items have equal lines. */
export const lineOf = (item: Item): string => JSON.stringify({ Item: attributesOf(item) });

/**
 * Parses the line of an item. Returns `undefined` unless the line is exactly what `lineOf` would
 * write.
 */
export const itemOf = (line: string): Item | undefined => {
  const found = parse(line);
  if (!isObject(found) || !isObject(found['Item'])) return undefined;
  try {
    const item = itemFrom(found['Item']);
    return lineOf(item) === line ? item : undefined;
  } catch {
    return undefined;
  }
};

const parse = (line: string): unknown => {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
};

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

export type Tally = {
  /**
   * Counts an item and hashes its line. Throws a failure unless the item sorts after the previous
   * one.
   */
  readonly add: (item: Item, line: string) => void;
  /** Returns the manifest of the items so far. */
  readonly manifest: () => Manifest;
};

/** Counts the items of a vault in the order of their keys. */
export const createTally = (vault: string): Tally => {
  const hash = createHash('sha256');
  const masterKeyIds = new Set<string>();
  const counts = {
    items: 0,
    secrets: 0,
    deletedSecrets: 0,
    versions: 0,
    destroyedVersions: 0,
    idempotencyRecords: 0,
    unreadableItems: 0,
  };
  let last = Buffer.alloc(0);
  return {
    add: (item, line) => {
      const row = readRow(item, vault);
      const key = Buffer.from(`${row.pk}\0${row.sk}`);
      if (last.compare(key) >= 0) throw failure('its items are not sorted by their keys');
      last = key;
      hash.update(`${line}\n`);
      counts.items += 1;
      if (row.kind === 'record') counts.idempotencyRecords += 1;
      if (row.kind === 'unreadable') counts.unreadableItems += 1;
      if (row.kind !== 'head' && row.kind !== 'version') return;
      const { stored } = row;
      counts.versions += 1;
      if (row.kind === 'head') counts.secrets += 1;
      if (row.kind === 'head' && stored.state === 'deleted') counts.deletedSecrets += 1;
      if (stored.state === 'destroyed') counts.destroyedVersions += 1;
      if (stored.state === 'stored') masterKeyIds.add(stored.masterKeyId);
    },
    manifest: () => ({
      vault,
      ...counts,
      masterKeyIds: [...masterKeyIds].sort(),
      sha256: hash.copy().digest('hex'),
    }),
  };
};

/**
 * Returns the manifest of all items of a vault's table. `onItems` is called with the number of
 * items of each page. Throws a failure unless the items are sorted by their keys.
 */
export const tallyOf = async (
  vault: string,
  pages: AsyncIterable<readonly Item[]>,
  onItems: (count: number) => void = () => undefined,
): Promise<Manifest> => {
  const tally = createTally(vault);
  for await (const page of pages) {
    for (const item of page) tally.add(item, lineOf(item));
    onItems(page.length);
  }
  return tally.manifest();
};
