/**
 * The backup file, the same for every store: gzip'ed, and one JSON object a line:
 *
 *   {"Backup":{…}}     the vault, the table and the moment of the copy
 *   {"Item":{…}}       an item as it is stored, in the form of DynamoDB's exports to S3; ascending by pk and sk
 *   {"Manifest":{…}}   the counts of the items, and the SHA-256 hash of their lines. Without it a file is cut off.
 *
 * An item has one line, whatever its store: attributes are in the order of their names. So two backups of the same data
 * have the same hash, and a restored store can be compared with its backup. Values stay sealed, and no key is in the
 * file.
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
  /** The moment of the copy, as RFC 3339. */
  takenAt: v.string(),
  /** The program that kept the data. */
  store: v.string(),
  /** The revision of the store, if it counts its writes. */
  revision: v.optional(v.string()),
  /** The cluster of nodes that kept the data. */
  cluster: v.optional(v.string()),
  /** It is a copy of one node that did not run, and no other node was asked. */
  alone: v.optional(v.literal(true)),
});
const manifest = v.strictObject({
  vault: v.string(),
  items: count,
  secrets: count,
  /** The secrets whose current version is a deletion. */
  deletedSecrets: count,
  versions: count,
  destroyedVersions: count,
  idempotencyRecords: count,
  /** Items that the vault does not know, or that are damaged, copied like all others. */
  unreadableItems: count,
  /** The ids of the master keys under which the values are sealed, ascending. */
  masterKeyIds: v.array(v.string()),
  sha256: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/)),
});
const anyFormat = v.object({ Backup: v.looseObject({ format: v.number() }) });

/** The first line says what the backup is a copy of. */
export type Facts = Omit<v.InferOutput<typeof facts>, 'format'>;
/** The last line says what the backup holds. */
export type Manifest = v.InferOutput<typeof manifest>;

/** The items of one moment, page by page, ascending by the bytes of pk and sk. */
export type Source = { readonly facts: Facts; readonly pages: AsyncIterable<readonly Item[]> };

export const firstLine = (given: Facts): string =>
  JSON.stringify({ Backup: { format: formatNumber, ...given } });

export const lastLine = (given: Manifest): string => JSON.stringify({ Manifest: given });

/** Reads the first line; `undefined` if it is none. Throws a failure for a format of a later release. */
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

/** Reads the last line; `undefined` if it is none. */
export const readLastLine = (line: string): Manifest | undefined => {
  const known = v.safeParse(v.strictObject({ Manifest: manifest }), parse(line));
  return known.success ? known.output.Manifest : undefined;
};

/** The line of an item, without the line feed. Equal items have equal lines. */
export const lineOf = (item: Item): string => JSON.stringify({ Item: attributesOf(item) });

/** Reads the line of an item; `undefined` unless it is exactly as `lineOf` writes it. */
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
  /** Counts an item, which `line` is the line of. Throws a failure unless it comes after the item before. */
  readonly add: (item: Item, line: string) => void;
  /** The manifest of the items so far. */
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
      if (last.compare(key) >= 0) throw failure('its items are not in the order of their keys');
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

/** Counts all items of a vault's table. */
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
