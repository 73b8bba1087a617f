/**
 * Finds what restoring a backup would undo in a store, by comparing the write ids of the versions.
 * No value is opened. Memory holds the write id of each version in the backup, and the findings.
 */

import { formatInstant, type StoredVersion } from '../../functions/model/types.ts';
import { headSortKey, type Item, versionSortKey } from '../../functions/store/items.ts';
import { usage } from '../../system/failures.ts';
import { shown } from '../../system/terminal-text.ts';
import { type Row, readRow } from '../verify/read-row.ts';
import { counted } from './sentences.ts';

/** The kinds of findings, and what a restore does to each. */
const kinds = {
  /**
   * A version that the backup lacks, or in whose place it has a different write with the same
   * number.
   */
  version: ['version', 'would be lost, and their numbers would be assigned again'],
  /**
   * A version that the same write created on both sides, but whose state differs, for example
   * because its value is destroyed in the backup.
   */
  state: ['changed version', 'would be as in the backup'],
  secret: ['deleted secret', 'would come back'],
  value: ['destroyed value', 'would come back'],
  request: ['keyed request', 'would be forgotten, and a repeated request would take effect again'],
  unreadable: ['item', 'cannot be read, so nothing is known about it'],
} as const;

/** Something in the store that a restore would undo, described without any value. */
export type Finding = { readonly kind: keyof typeof kinds; readonly what: string };

/** The writes in a backup, by the addresses of their versions and records. */
export type Copy = {
  /** The id of the vault; `undefined` until an item has shown it. */
  vault: string | undefined;
  readonly writes: Map<string, { readonly writeId: string; readonly state: string }>;
};

/** A version keeps its address when it moves from the head to a version item. */
const addressOf = (row: Row): string =>
  `${row.pk} ${'stored' in row ? versionSortKey(row.stored.version) : row.sk}`;

/** Adds items of the backup to the copy with which a store is compared. Skips unreadable items. */
export const addToCopy = (copy: Copy, items: readonly Item[]): void => {
  for (const item of items) {
    copy.vault ??= item['vault']?.S;
    const row = readRow(item, copy.vault ?? '');
    if (row.kind === 'unreadable') continue;
    const { writeId, state } = row.kind === 'record' ? { ...row.record, state: '' } : row.stored;
    copy.writes.set(addressOf(row), { writeId, state });
    if (row.kind === 'head') copy.writes.set(`${row.pk} ${headSortKey}`, { writeId, state });
  }
};

const describe = (stored: StoredVersion): string => {
  const version = `tenant ${stored.tenant}, ${stored.name} version ${stored.version} by ${stored.createdBy}`;
  if (stored.state === 'destroyed') return `${version}, destroyed by ${stored.destroyedBy}`;
  const note = stored.note === undefined ? '' : `: ${stored.note}`;
  return `${version}${stored.state === 'deleted' ? ', a deletion' : ''}${note}`;
};

const findingsOf = (row: Row, { writes }: Copy, now: number): readonly Finding[] => {
  if (row.kind === 'unreadable') return [{ kind: row.kind, what: `${row.pk} ${row.sk}` }];
  const copied = writes.get(addressOf(row));
  if (row.kind === 'record') {
    const { operation, written, writeId, expiresAt } = row.record;
    if (expiresAt <= now || copied?.writeId === writeId) return [];
    const refs = written.map(({ name, version }) => ` ${name}@${version}`).join();
    const what = `tenant ${row.tenant}, ${operation}${refs}, until ${formatInstant(expiresAt)}`;
    return [{ kind: 'request', what }];
  }
  const { state, writeId } = row.stored;
  const what = describe(row.stored);
  const findings: Finding[] = [];
  if (copied?.writeId !== writeId) findings.push({ kind: 'version', what });
  else if (copied.state !== state) {
    findings.push({ kind: state === 'destroyed' ? 'value' : 'state', what });
  }
  const isBack = writes.get(`${row.pk} ${headSortKey}`)?.state === 'stored';
  if (row.kind === 'head' && state === 'deleted' && isBack) findings.push({ kind: 'secret', what });
  return findings;
};

/**
 * Returns what a restore of the backup would undo in the store, secret by secret. The items of
 * either side may come in any order. If `vault` is `undefined`, the id in the first item of the
 * store is used. `now` is in milliseconds. Throws a usage failure if the two belong to different
 * vaults, and passes on errors of reading the pages.
 */
export const findDifference = async (
  pages: AsyncIterable<readonly Item[]>,
  vault: string | undefined,
  copy: Copy,
  now: number,
): Promise<readonly Finding[]> => {
  const found = new Map<string, readonly Finding[]>();
  let own = vault;
  for await (const page of pages) {
    for (const item of page) {
      own ??= item['vault']?.S;
      const row = readRow(item, own ?? '');
      const findings = findingsOf(row, copy, now);
      // If an update happens during a scan, a version appears twice: as the head and as a version
      // item. Both have the same address, so its findings are kept only once.
      if (findings.length > 0) found.set(addressOf(row), findings);
    }
  }
  if (own !== undefined && copy.vault !== undefined && own !== copy.vault) {
    throw usage(`the backup is of the vault ${copy.vault}, and the store of ${own}`);
  }
  return [...found].sort(([one], [other]) => (one < other ? -1 : 1)).flatMap(([, each]) => each);
};

export type Preview = {
  /** Two sentences: one about the store in use, one about the backup. */
  readonly compared: readonly string[];
  readonly findings: readonly Finding[];
};

/**
 * Returns the lines to print: what is compared, the findings by kind, and the number of each kind.
 */
export const linesOfPreview = ({ compared, findings }: Preview): readonly string[] => {
  const groups = Object.entries(kinds).flatMap(([kind, [noun, fate]]) => {
    const lines = findings.filter((one) => one.kind === kind).map(({ what }) => `  ${what}`);
    const count = counted(lines.length, noun);
    return lines.length === 0 ? [] : [{ count, lines: [`${count} ${fate}:`, ...lines] }];
  });
  const counts = groups.map(({ count }) => count).join(', ');
  const summary = counts === '' ? 'A restore would lose nothing.' : `In all: ${counts}.`;
  return [...compared, ...groups.flatMap(({ lines }) => lines), summary].map(shown);
};
