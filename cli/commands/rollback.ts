import { openSession, secretName, versionNumber, writingCommand } from '../command.ts';
import { print, printJson } from '../output.ts';
import { decodeValue, encodeValue } from '../values.ts';

export const rollbackCommand = () =>
  writingCommand(
    'rollback',
    'write the value of an old version as a new one; no version is ever removed',
    `
    dsv rollback DB_PASSWORD --to 1
    dsv rollback DB_PASSWORD --to 1 --if-version 3
    `,
  )
    .argument('<name>')
    .requiredOption('--to <number>', 'the version whose value to write again')
    .option('--if-version <number>', 'only while this is the current version')
    .action(async (typed, flags) => {
      const name = secretName(typed);
      const version = versionNumber(flags.to);
      const ifVersion = flags.ifVersion === undefined ? undefined : versionNumber(flags.ifVersion);
      const { client } = openSession(flags);
      const old = await client('get-secret', { name, query: { version: String(version) } });
      const body = encodeValue(decodeValue(old));
      const written = await client('update-secret', { name, body, ifVersion });
      if (flags.json) return await printJson({ ...written, valueOf: version });
      const { version: next, validFrom } = written;
      await print(
        `${name} version ${next} from ${validFrom}, with the value of version ${version}\n`,
      );
    });
