import { printJson, printLines, printTable } from '../output/output.ts';
import { readDetails, readNames } from '../requests/secret-lists.ts';
import { openSession } from '../requests/vault-client.ts';
import { secretName, vaultCommand } from './command-line.ts';

export const listCommand = () =>
  vaultCommand(
    'list',
    'list the names that the token may see, one a line',
    'dsvault list',
    'dsvault list --prefix DB_ --long',
    'dsvault list --deleted --long',
  )
    .option('--prefix <beginning>', 'only names that begin with this', secretName)
    .option('--long', 'also the current version, its time, author and note')
    .option('--deleted', 'the deleted secrets; --long then shows their deletions')
    .action(async ({ prefix, long, deleted, json, ...flags }) => {
      const asked = { prefix, state: deleted ? ('deleted' as const) : undefined };
      const session = openSession(flags);
      if (!long) {
        const names = await readNames(session, asked);
        return await (json ? printJson({ names }) : printLines(names));
      }
      const secrets = await readDetails(session, asked);
      if (json) return await printJson({ secrets });
      const rows = secrets.map(({ name, version, validFrom, createdBy, note = '' }) => [
        ...[name, String(version), validFrom, createdBy, note],
      ]);
      await printTable(['NAME', 'VERSION', 'VALID FROM', 'CREATED BY', 'NOTE'], rows);
    });
