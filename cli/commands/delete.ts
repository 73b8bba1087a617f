import { openSession } from '../requests/vault-client.ts';
import { noteOf, secretName, versionNumber, writingCommand } from './command-line.ts';
import { printVersion } from './write-version.ts';

export const deleteCommand = () =>
  writingCommand(
    'delete',
    'delete a secret; its history stays, and dsvault restore brings it back',
    `
    dsvault delete DB_PASSWORD --note 'moved to the new team'
    dsvault delete DB_PASSWORD --if-version 3
    `,
  )
    .argument('<name>')
    .option('--if-version <number>', 'only while this is the current version')
    .action(async (typed, flags) => {
      const name = secretName(typed);
      const ifVersion = flags.ifVersion === undefined ? undefined : versionNumber(flags.ifVersion);
      const body = noteOf(flags);
      const { client } = openSession(flags);
      const written = await client('delete-secret', { name, body, ifVersion });
      await printVersion(written, { json: flags.json, about: 'deleted' });
    });
