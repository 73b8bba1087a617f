import { inOtherWords, isFailure } from '../../system/failures.ts';
import { openSession } from '../requests/vault-client.ts';
import { encodeValue, madeValue, readValue } from '../values/read-value.ts';
import { valueCommand } from './command-line.ts';
import { findUnchanged, printUnchanged, printVersion } from './write-version.ts';

export const createCommand = () =>
  valueCommand(
    'create',
    'store a new or deleted secret; its value is read from stdin, or asked for at a terminal',
    'dsvault create DB_PASSWORD',
    "printf %s hunter2 | dsvault create DB_PASSWORD --note 'for the new team'",
    'dsvault create TLS_KEY --value-file key.pem',
    'dsvault create API_KEY --generate 32 --alphabet base64url',
  )
    .option('--skip-unchanged', 'succeed if the secret already has this value')
    .action(async (name, flags) => {
      const session = openSession(flags);
      const value = await readValue(flags);
      try {
        const written = await session.client('create-secret', {
          body: { name, ...encodeValue(value), note: flags.note },
        });
        await printVersion(written, { json: flags.json, made: madeValue(value, flags) });
      } catch (error) {
        if (!isFailure(error) || error.report.code !== 'secret_exists') throw error;
        const current = flags.skipUnchanged ? await findUnchanged(session, name, value) : undefined;
        if (current === undefined) {
          throw inOtherWords(
            error,
            `${name} exists: dsvault update ${name} writes its next version`,
          );
        }
        await printUnchanged(current, flags.json);
      }
    });
