import { openSession, secretName, vaultCommand } from '../command.ts';
import { printJson, printTable } from '../output.ts';
import { readVersions } from '../pages.ts';
import { decodeValue } from '../values.ts';

export const historyCommand = () =>
  vaultCommand(
    'history',
    'list the versions of a secret, the newest first; times are UTC',
    `
    dsv history DB_PASSWORD
    dsv history DB_PASSWORD --json
    dsv history DB_PASSWORD --show-values
    `,
  )
    .argument('<name>')
    .option('--show-values', 'also print the value of each version')
    .action(async (typed, flags) => {
      const name = secretName(typed);
      const versions = await readVersions(openSession(flags), name, flags.showValues === true);
      if (flags.json) return await printJson({ name, versions });
      // The table must fit 80 columns, so only --json has the id of the master key.
      const head = ['VERSION', 'VALID FROM', 'VALID TO', 'CREATED BY'];
      const rows = versions.map((entry) => [
        String(entry.version),
        entry.validFrom,
        entry.validTo ?? 'now',
        entry.createdBy,
        ...(flags.showValues ? [shownValue(entry)] : []),
      ]);
      await printTable(flags.showValues ? [...head, 'VALUE'] : head, rows);
    });

/** Text unchanged, other bytes as base64. */
const shownValue = ({ value = '', encoding = 'utf8' }): string =>
  encoding === 'utf8' ? value : `base64:${decodeValue({ value, encoding }).toString('base64')}`;
