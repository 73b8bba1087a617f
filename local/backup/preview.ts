/** `npm run restore -- --preview`: says what a restore would undo in the store as it is now, and writes nothing. */
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { shown } from '../../system/terminal-text.ts';
import { isNodeFolder } from '../vaults/connect.ts';
import { chooseDataFolder } from '../vaults/find-vaults.ts';
import { addToCopy, type Copy, type Finding, findDifference } from './difference.ts';
import { openEmbedded } from './embedded.ts';
import { readBackup, withFolderBeside } from './file.ts';
import type { Progress } from './progress.ts';
import { counted, describeMoment } from './sentences.ts';
import { readTable } from './table.ts';

export type Preview = {
  /** What was compared, in sentences. */
  readonly compared: readonly string[];
  readonly findings: readonly Finding[];
};

const emptyCopy = (): Copy => ({ vault: undefined, writes: new Map() });

/** Compares a backup with the vault that `name` or the environment chooses, whether it runs or not. */
export const previewFile = async (
  file: string,
  name: string | undefined,
  progress: Progress,
): Promise<Preview> => {
  const folder = await chooseDataFolder(process.env, name);
  const [copy, count] = [emptyCopy(), progress.counter('read')];
  // The whole file first: a large store is not copied for a file that is damaged.
  const backup = await readBackup(file, (items) => {
    count(items.length);
    addToCopy(copy, items);
  });
  return await withFolderBeside(file, async (draft) => {
    const { facts, pages } = isNodeFolder(folder)
      ? await (await import('./nodes.ts')).openNode(folder)
      : await openEmbedded(folder, draft, progress);
    const compared = [
      `in use: ${folder}: ${describeMoment(facts).join('; ')}`,
      `backup: ${file}: ${describeMoment(backup.facts).join('; ')}`,
    ];
    return { compared, findings: await findDifference(pages, facts.vault, copy, Date.now()) };
  });
};

/**
 * Compares the table in use with the one that a restore has made. Both are reached by the environment's own credentials
 * and Region.
 */
export const previewTables = async (table: string, restored: string): Promise<Preview> => {
  const dynamodb = new DynamoDBClient({});
  const copy = emptyCopy();
  try {
    for await (const items of readTable(dynamodb, restored)) addToCopy(copy, items);
    const pages = readTable(dynamodb, table);
    const findings = await findDifference(pages, undefined, copy, Date.now());
    return { compared: [`in use: the table ${table}`, `backup: the table ${restored}`], findings };
  } finally {
    dynamodb.destroy();
  }
};

/** Each kind of finding, and what a restore does to it. */
const kinds: Readonly<Record<Finding['kind'], readonly [noun: string, fate: string]>> = {
  version: ['version', 'would vanish, and each number would be given twice'],
  state: ['changed version', 'would be as the backup has it'],
  secret: ['deleted secret', 'would come back'],
  value: ['destroyed value', 'would come back'],
  request: ['keyed request', 'would be forgotten, and a repetition would act again'],
  unreadable: ['item', 'cannot be read, so nothing is known of it'],
};

const describe = (finding: Finding): string => {
  if (finding.kind === 'unreadable') return `${finding.pk} ${finding.sk}`;
  if (finding.kind === 'request') {
    const { tenant, operation, written, expiresAt } = finding;
    const refs = written.map(({ name, version }) => ` ${name}@${version}`).join();
    return `tenant ${tenant}, ${operation}${refs}, until ${expiresAt}`;
  }
  const { tenant, name, version, state, createdBy, destroyedBy, note } = finding;
  return [
    `tenant ${tenant}, ${name} version ${version} by ${createdBy}`,
    state === 'deleted' && ', a deletion',
    destroyedBy !== undefined && `, destroyed by ${destroyedBy}`,
    note !== undefined && `: ${note}`,
  ]
    .filter(Boolean)
    .join('');
};

/** The findings by their kinds, and then how many there are of each. */
export const linesOfPreview = ({ compared, findings }: Preview): readonly string[] => {
  const groups = Object.entries(kinds).flatMap(([kind, [noun, fate]]) => {
    const lines = findings.filter((one) => one.kind === kind).map((one) => `  ${describe(one)}`);
    const count = counted(lines.length, noun);
    return lines.length === 0 ? [] : [{ count, lines: [`${count} ${fate}:`, ...lines] }];
  });
  const counts = groups.map(({ count }) => count).join(', ');
  const summary = counts === '' ? 'A restore would lose nothing.' : `In all: ${counts}.`;
  return [...compared, ...groups.flatMap(({ lines }) => lines), summary].map(shown);
};
