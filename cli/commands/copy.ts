import { withSentence } from '../../system/failures.ts';
import { openSession } from '../requests/vault-client.ts';
import { ifVersionOption, nameArgument, versionArgument, writingCommand } from './command-line.ts';
import { printVersion } from './write-version.ts';

export const copyCommand = () =>
  writingCommand(
    'copy',
    'write the value of a secret as the next version of another, without showing it',
    'dsvault copy STAGING_DB PROD_DB',
    'dsvault copy STAGING_DB@7 PROD_DB --if-version 3',
    'dsvault copy STAGING_DB TEST_DB --create',
  )
    .argument('<from>', 'NAME@VERSION; without a version the current one', versionArgument)
    .argument(...nameArgument)
    .option('--create', 'create the other secret, which must not exist yet')
    .option(...ifVersionOption)
    .action(async (from, name, { json, note, ifVersion, create, ...flags }) => {
      const { client } = openSession(flags);
      const body = { from, create, note };
      const write = () => client('copy-secret', { name, body, ifVersion });
      const noValue = `no such secret to copy, or no such version of it: dsvault history ${from.name} lists its versions`;
      const written = await withSentence(
        'not_found',
        `this token sees no secret ${name}, and --create would create it: dsvault list prints the names that it sees`,
        () =>
          withSentence('secret_exists', `${name} exists: leave out --create`, () =>
            withSentence('not_found', noValue, write, 'from'),
          ),
      );
      const about = `with the value of ${written.from.name}@${written.from.version}`;
      await printVersion(written, { json, about });
    });
