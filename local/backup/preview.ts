/** `npm run restore -- --preview`: says what a restore would undo in the store as it is now, and writes nothing. */
import { existsSync } from 'node:fs';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { Item } from '../../functions/dynamodb/items.ts';
import { failure, isFailure, usage } from '../../system/failures.ts';
import { shown } from '../../system/terminal-text.ts';
import { isNodeFolder } from '../vaults/connect.ts';
import { chooseDataFolder } from '../vaults/find-vaults.ts';
import { type Finding, findDifference, type VersionFacts } from './difference.ts';
import { openEmbedded } from './embedded.ts';
import { pagesOfBackup, withFolderBeside } from './file.ts';
import type { Progress } from './progress.ts';
import { counted, describeMoment } from './sentences.ts';
import { readTable } from './table.ts';

export type Preview = {
  /** What was compared, in sentences. */
  readonly compared: readonly string[];
  readonly findings: readonly Finding[];
};

/** 2 is the exit code if the two cannot be compared: 1 says that they were, and that something would be lost. */
const asUsage = (error: unknown): never => {
  throw isFailure(error) ? usage(error.message, error) : error;
};

/**
 * Compares a backup with the vault that `name` or the environment chooses, whether it runs or not. Throws a usage failure
 * if they cannot be compared.
 */
export const previewFile = async (
  file: string,
  name: string | undefined,
  progress: Progress,
): Promise<Preview> => await compareWithFile(file, name, progress).catch(asUsage);

const compareWithFile = async (
  file: string,
  name: string | undefined,
  progress: Progress,
): Promise<Preview> => {
  // A large store is not copied for a file that is not there.
  if (!existsSync(file)) throw failure(`there is no file ${file}`);
  const folder = await chooseDataFolder(process.env, name);
  return await withFolderBeside(file, async (draft) => {
    const isNode = isNodeFolder(folder);
    const { facts, pages } = isNode
      ? await (await import('./nodes.ts')).openNode(folder)
      : await openEmbedded(folder, draft, progress);
    const count = progress.counter('compared');
    async function* readStore(): AsyncGenerator<readonly Item[]> {
      for await (const page of pages) {
        count(page.length);
        yield page;
      }
    }
    const compared = [`in use: ${folder}: ${describeMoment(facts).join('; ')}`];
    async function* readFile(): AsyncGenerator<readonly Item[]> {
      const backup = yield* pagesOfBackup(file);
      compared.push(`backup: ${file}: ${describeMoment(backup.facts).join('; ')}`);
    }
    const store = { vault: facts.vault, pages: readStore() };
    const copy = { vault: undefined, pages: readFile() };
    return { compared, findings: await findDifference(store, copy, Date.now()) };
  });
};

/**
 * Compares the table in use with the one that a restore has made. Both are reached by the environment's own credentials
 * and Region. Throws a usage failure if they cannot be compared.
 */
export const previewTables = async (table: string, restored: string): Promise<Preview> => {
  const dynamodb = new DynamoDBClient({});
  const open = (name: string) => ({ vault: undefined, pages: readTable(dynamodb, name) });
  try {
    const difference = findDifference(open(table), open(restored), Date.now());
    const findings = await difference.catch(asUsage);
    return { compared: [`in use: the table ${table}`, `backup: the table ${restored}`], findings };
  } finally {
    dynamodb.destroy();
  }
};

/** Each kind of finding, and what a restore does to it. */
const kinds: Readonly<Record<Finding['kind'], readonly [noun: string, fate: string]>> = {
  version: ['version', 'would vanish'],
  secret: ['deleted secret', 'would come back'],
  value: ['destroyed value', 'would come back'],
  numbers: ['version number', 'would be given twice'],
  request: ['keyed request', 'would be forgotten, and a repetition would act again'],
  unreadable: ['item', 'cannot be read, so nothing is known of it'],
};

const nameOf = ({ tenant, name, version }: VersionFacts): string =>
  `tenant ${tenant}, ${name} version ${version}`;

const remarks: Readonly<Record<VersionFacts['state'], string>> = {
  stored: '',
  deleted: ', a deletion',
  destroyed: ', destroyed',
};

const describe = (finding: Finding): string => {
  switch (finding.kind) {
    case 'version': {
      const { state, createdBy, note } = finding;
      return `${nameOf(finding)} by ${createdBy}${remarks[state]}${note === undefined ? '' : `: ${note}`}`;
    }
    case 'secret':
      return `${nameOf(finding)}, deleted by ${finding.deletedBy}`;
    case 'value':
      return `${nameOf(finding)}, destroyed by ${finding.destroyedBy}`;
    case 'numbers': {
      const { tenant, name, first, last } = finding;
      return `tenant ${tenant}, ${name}: ${first === last ? first : `${first} to ${last}`}`;
    }
    case 'request': {
      const { tenant, operation, written, expiresAt } = finding;
      const refs = written.map(({ name, version }) => ` ${name}@${version}`).join();
      return `tenant ${tenant}, ${operation}${refs}, until ${expiresAt}`;
    }
    case 'unreadable':
      return `${finding.pk} ${finding.sk}`;
  }
};

const countOf = (findings: readonly Finding[]): number =>
  findings.reduce((sum, one) => sum + (one.kind === 'numbers' ? one.last - one.first + 1 : 1), 0);

/** The findings by their kinds, and then how many there are of each. */
export const linesOfPreview = ({ compared, findings }: Preview): readonly string[] => {
  const groups = Object.entries(kinds).flatMap(([kind, [noun, fate]]) => {
    const some = findings.filter((finding) => finding.kind === kind);
    const count = counted(countOf(some), noun);
    return some.length === 0
      ? []
      : [{ count, lines: [`${count} ${fate}:`, ...some.map(indented)] }];
  });
  const counts = groups.map(({ count }) => count).join(', ');
  const summary = counts === '' ? 'A restore would lose nothing.' : `In all: ${counts}.`;
  return [...compared, ...groups.flatMap(({ lines }) => lines), summary].map(shown);
};
const indented = (finding: Finding): string => `  ${describe(finding)}`;
