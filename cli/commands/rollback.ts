import { inOtherWords, isFailure } from '../../system/failures.ts';
import { ofVersion } from '../requests/secret-lists.ts';
import { openSession } from '../requests/vault-client.ts';
import { decodeValue, encodeValue } from '../values/read-value.ts';
import { noteOf, secretName, versionNumber, writingCommand } from './command-line.ts';
import { printVersion } from './write-version.ts';

export const rollbackCommand = () =>
  writingCommand(
    'rollback',
    'write the value of an old version as a new one',
    `
    dsvault rollback DB_PASSWORD --to 1
    dsvault rollback DB_PASSWORD --to 1 --if-version 3
    `,
  )
    .argument('<name>')
    .requiredOption('--to <number>', 'the version whose value to write again')
    .option('--if-version <number>', 'only while this is the current version')
    .action(async (typed, flags) => {
      const name = secretName(typed);
      const version = versionNumber(flags.to);
      const ifVersion = flags.ifVersion === undefined ? undefined : versionNumber(flags.ifVersion);
      const remark = noteOf(flags);
      const { client } = openSession(flags);
      const old = await ofVersion({ name, version }, () =>
        client('get-secret', { name, query: { version: String(version) } }),
      );
      const body = { ...encodeValue(decodeValue(old)), ...remark };
      try {
        const written = await client('update-secret', { name, body, ifVersion });
        const about = `with the value of version ${version}`;
        await printVersion(written, { json: flags.json, about, copyOf: version });
      } catch (error) {
        // The version was found, so the secret is there.
        if (!isFailure(error) || error.report.code !== 'not_found') throw error;
        throw inOtherWords(error, `${name} is deleted: dsvault restore ${name} brings it back`);
      }
    });
