import type { ReplyOf } from '../../client/types.ts';
import { printJson, printTable } from '../output/output.ts';
import { readVersions } from '../requests/secret-lists.ts';
import { openSession } from '../requests/vault-client.ts';
import { decodeValue } from '../values/read-value.ts';
import { nameArgument, vaultCommand } from './command-line.ts';

export const historyCommand = () =>
  vaultCommand(
    'history',
    'list the versions of a secret, even a deleted one, newest first; times are UTC',
    'dsvault history DB_PASSWORD',
    'dsvault history DB_PASSWORD --json',
    'dsvault history DB_PASSWORD --show-values',
  )
    .argument(...nameArgument)
    .option('--show-values', 'also print the value of each version')
    .action(async (name, flags) => {
      const include = flags.showValues ? 'values' : undefined;
      const versions = await readVersions(openSession(flags), name, include);
      if (flags.json) return await printJson({ name, versions });
      // The table does not show when a version ends, because that is when the version in the row
      // above begins. --json shows it.
      const rows = versions.map((entry) => [
        ...versionCells(entry),
        ...(flags.showValues ? [shownValue(entry)] : []),
      ]);
      await printTable(flags.showValues ? [...versionHead, 'VALUE'] : versionHead, rows);
    });

export const versionHead = ['VERSION', 'STATE', 'VALID FROM', 'CREATED BY', 'NOTE'];

type Entry = ReplyOf<'list-versions'>['versions'][number];

/** The cells of a version. A destroyed one no longer has a note, and says who destroyed it. */
export const versionCells = (entry: Entry): string[] => [
  ...[String(entry.version), entry.state, entry.validFrom, entry.createdBy],
  entry.state === 'destroyed'
    ? `destroyed at ${entry.destroyedAt} by ${entry.destroyedBy}`
    : (entry.note ?? ''),
];

const shownValue = (entry: Entry): string => {
  const { value = '', encoding = 'utf8' } = entry.state === 'stored' ? entry : {};
  return encoding === 'utf8'
    ? value
    : `base64:${decodeValue({ value, encoding }).toString('base64')}`;
};
