import { openSession, secretName, vaultCommand } from '../command.ts';
import { print, printJson } from '../output.ts';
import { readNames } from '../pages.ts';

export const listCommand = () =>
  vaultCommand(
    'list',
    'list the names that the token may see, one a line',
    `
    dsv list
    dsv list --prefix DB_
    dsv list --json
    `,
  )
    .option('--prefix <beginning>', 'only names with this beginning')
    .action(async ({ prefix, json, ...flags }) => {
      const beginning = prefix === undefined ? undefined : secretName(prefix);
      const names = await readNames(openSession(flags), beginning);
      await (json ? printJson({ names }) : print(names.map((name) => `${name}\n`).join('')));
    });
