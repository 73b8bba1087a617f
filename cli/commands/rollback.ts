import { withSentence } from '../../system/failures.ts';
import { openSession } from '../requests/vault-client.ts';
import { ifVersionOption, nameArgument, versionNumber, writingCommand } from './command-line.ts';
import { printVersion } from './write-version.ts';

export const rollbackCommand = () =>
  writingCommand(
    'rollback',
    'write the value of an old version as a new one',
    'dsvault rollback DB_PASSWORD --to 1',
    'dsvault rollback DB_PASSWORD --to 1 --if-version 3',
  )
    .argument(...nameArgument)
    .requiredOption('--to <number>', 'the version whose value to write again', versionNumber)
    .option(...ifVersionOption)
    .action(async (name, { json, note, ifVersion, to: version, ...flags }) => {
      const { client } = openSession(flags);
      const body = { from: { version }, note };
      const noValue = `${name} has no version ${version}, or it is a deletion: dsvault history ${name} lists its versions`;
      const write = () => client('copy-secret', { name, body, ifVersion });
      const written = await withSentence('not_found', noValue, write, 'from');
      const about = `with the value of version ${version}`;
      await printVersion(written, { json, about, copyOf: version });
    });
