import { openSession } from '../requests/vault-client.ts';
import { encodeValue, madeValue, readValue } from '../values/read-value.ts';
import { ifVersionOption, valueCommand } from './command-line.ts';
import { findUnchanged, printUnchanged, printVersion } from './write-version.ts';

export const updateCommand = () =>
  valueCommand(
    'update',
    'write the next version of a secret; its value is read from stdin, or asked for at a terminal',
    "printf %s hunter3 | dsvault update DB_PASSWORD --note 'after the audit'",
    'dsvault update TLS_KEY --value-file key.pem --skip-unchanged',
    'dsvault update DB_PASSWORD --if-version 2',
  )
    .option(...ifVersionOption)
    .option('--skip-unchanged', 'write nothing if the secret has this value already')
    .action(async (name, { note, ifVersion, ...flags }) => {
      const session = openSession(flags);
      const value = await readValue(flags);
      const same = flags.skipUnchanged ? await findUnchanged(session, name, value) : undefined;
      // If the current version is not the expected one, the update goes to the server, which
      // refuses it.
      if (same !== undefined && (ifVersion ?? same.version) === same.version) {
        return await printUnchanged(same, flags.json);
      }
      const body = { ...encodeValue(value), note };
      const written = await session.client('update-secret', { name, body, ifVersion });
      await printVersion(written, { json: flags.json, made: madeValue(value, flags) });
    });
