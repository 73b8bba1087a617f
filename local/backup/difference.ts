/**
 * What a restore of a backup would undo in a store, by the write ids of the versions. No value is opened. Memory holds
 * the write of each version in the backup, and the findings.
 */

import { formatInstant, type StoredVersion } from '../../functions/model/types.ts';
import { headSortKey, type Item, versionSortKey } from '../../functions/store/items.ts';
import { usage } from '../../system/failures.ts';
import { shown } from '../../system/terminal-text.ts';
import { type Row, readRow } from '../verify/read-row.ts';
import { counted } from './sentences.ts';

/** Each kind of finding, and what a restore does to it. */
const kinds = {
  /** The backup lacks it, or has another write of its number. */
  version: ['version', 'would vanish, and each number would be given twice'],
  /** The same write in another state, such as a value that the backup holds as destroyed. */
  state: ['changed version', 'would be as the backup has it'],
  secret: ['deleted secret', 'would come back'],
  value: ['destroyed value', 'would come back'],
  request: ['keyed request', 'would be forgotten, and a repetition would act again'],
  unreadable: ['item', 'cannot be read, so nothing is known of it'],
} as const;

/** A part of the store that a restore would undo, in words without a value. */
export type Finding = { readonly kind: keyof typeof kinds; readonly what: string };

/** The writes that a backup holds, by the addresses of their versions and records. */
export type Copy = {
  /** `undefined` until an item tells it. */
  vault: string | undefined;
  readonly writes: Map<string, { readonly writeId: string; readonly state: string }>;
};

/** A version has one address, whether it is the head or behind it. */
const addressOf = (row: Row): string =>
  `${row.pk} ${'stored' in row ? versionSortKey(row.stored.version) : row.sk}`;

/** Adds items of the backup. */
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
 * Returns what the store holds and the backup does not, secret by secret. The order of either side does not matter. If
 * `vault` is `undefined`, the first item of the store tells it. `now` is in milliseconds. Throws a usage failure if the
 * two are of different vaults, and what the pages throw.
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
      // An update during a scan shows a version twice: as the head, and then behind it.
      if (findings.length > 0) found.set(addressOf(row), findings);
    }
  }
  if (own !== undefined && copy.vault !== undefined && own !== copy.vault) {
    throw usage(`the backup is of the vault ${copy.vault}, and the store of ${own}`);
  }
  return [...found].sort(([one], [other]) => (one < other ? -1 : 1)).flatMap(([, each]) => each);
};

export type Preview = {
  /** The two sides of the comparison, in sentences. */
  readonly compared: readonly string[];
  readonly findings: readonly Finding[];
};

/** The findings by their kinds, and then how many there are of each. */
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
