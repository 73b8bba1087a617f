import { openSession, secretName, writingCommand } from '../command.ts';
import { inOtherWords, isFailure } from '../failures.ts';
import { note, print, printJson } from '../output.ts';
import { findUnchanged } from '../unchanged.ts';
import { encodeValue, readValue } from '../values.ts';

export const createCommand = () =>
  writingCommand(
    'create',
    'store a secret that does not exist yet; its value is read from stdin',
    `
    printf %s hunter2 | dsv create DB_PASSWORD
    dsv create TLS_KEY --value-file key.pem
    dsv create DB_PASSWORD --prompt
    `,
  )
    .argument('<name>')
    .option('--value-file <file>', 'the value is the content of the file')
    .option('--prompt', 'ask for the value at the terminal, without an echo')
    .option('--value <value>', 'the value itself, seen by everyone who can list processes')
    .option('--base64', 'the value is given as base64')
    .option('--allow-empty', 'store an empty value, too')
    .option('--skip-unchanged', 'succeed if the secret has this value already')
    .action(async (typed, flags) => {
      const name = secretName(typed);
      const session = openSession(flags);
      const value = await readValue(flags);
      try {
        const written = await session.client('create-secret', {
          body: { name, ...encodeValue(value) },
        });
        if (flags.json) return await printJson(written);
        await print(`${name} version ${written.version} from ${written.validFrom}\n`);
      } catch (error) {
        if (!isFailure(error) || error.report.code !== 'secret_exists') throw error;
        const current = flags.skipUnchanged ? await findUnchanged(session, name, value) : undefined;
        if (current === undefined) {
          throw inOtherWords(error, `${name} exists: dsv update ${name} writes its next version`);
        }
        if (flags.json) return await printJson({ ...current, unchanged: true });
        note(`${name} is unchanged at version ${current.version}`);
      }
    });
