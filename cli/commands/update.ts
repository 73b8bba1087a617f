import { openSession, secretName, versionNumber, writingCommand } from '../command.ts';
import { note, print, printJson } from '../output.ts';
import { findUnchanged } from '../unchanged.ts';
import { encodeValue, readValue } from '../values.ts';

export const updateCommand = () =>
  writingCommand(
    'update',
    'write the next version of a secret; its value is read from stdin',
    `
    printf %s hunter3 | dsv update DB_PASSWORD
    dsv update TLS_KEY --value-file key.pem --skip-unchanged
    dsv update DB_PASSWORD --prompt --if-version 2
    `,
  )
    .argument('<name>')
    .option('--value-file <file>', 'the value is the content of the file')
    .option('--prompt', 'ask for the value at the terminal, without an echo')
    .option('--value <value>', 'the value itself, seen by everyone who can list processes')
    .option('--base64', 'the value is given as base64')
    .option('--allow-empty', 'store an empty value, too')
    .option('--if-version <number>', 'only while this is the current version')
    .option('--skip-unchanged', 'write nothing if the secret has this value already')
    .action(async (typed, flags) => {
      const name = secretName(typed);
      const ifVersion = flags.ifVersion === undefined ? undefined : versionNumber(flags.ifVersion);
      const session = openSession(flags);
      const value = await readValue(flags);
      const same = flags.skipUnchanged ? await findUnchanged(session, name, value) : undefined;
      // If the current version is not the expected one, the update goes to the server, which refuses it.
      if (same !== undefined && (ifVersion ?? same.version) === same.version) {
        if (flags.json) return await printJson({ ...same, unchanged: true });
        return note(`${name} is unchanged at version ${same.version}`);
      }
      const body = encodeValue(value);
      const written = await session.client('update-secret', { name, body, ifVersion });
      if (flags.json) return await printJson(written);
      await print(`${name} version ${written.version} from ${written.validFrom}\n`);
    });
