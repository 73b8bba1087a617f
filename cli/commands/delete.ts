import { openSession } from '../requests/vault-client.ts';
import { ifVersionOption, nameArgument, writingCommand } from './command-line.ts';
import { printVersion } from './write-version.ts';

export const deleteCommand = () =>
  writingCommand(
    'delete',
    'delete a secret; its history stays, and dsvault restore brings it back',
    "dsvault delete DB_PASSWORD --note 'moved to the new team'",
    'dsvault delete DB_PASSWORD --if-version 3',
  )
    .argument(...nameArgument)
    .option(...ifVersionOption)
    .action(async (name, { json, note, ifVersion, ...flags }) => {
      const { client } = openSession(flags);
      const written = await client('delete-secret', { name, body: { note }, ifVersion });
      await printVersion(written, { json, about: 'deleted' });
    });
