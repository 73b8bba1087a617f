import { collect } from '../files/enc-values.ts';
import { mergeFiles } from '../files/merged-files.ts';
import { openSession } from '../requests/vault-client.ts';
import { type Child, runChild } from '../run/child-program.ts';
import {
  getReading,
  mergingFor,
  type Reading,
  readTexts,
  withProgramFile,
} from '../run/program-file.ts';
import { requireOther, watchFile, watchOf, withWatch, writeFor } from '../run/watch.ts';
import { instantOf, vaultCommand } from './command-line.ts';

export const runCommand = () =>
  withWatch(
    withProgramFile(
      vaultCommand(
        'run',
        'run a program with the variables of files, expanded, in its environment and nowhere else',
        'dsvault run -- node server.js',
        'dsvault run -f base.env -f local.env -- node server.js',
        'dsvault run -f production.env --only DB_URL,API_KEY -- ./migrate',
        'dsvault run --references-only -- bin/rails server',
        'dsvault run --pristine --redact -- ./build.sh',
        'dsvault run --watch -- node server.js',
        'dsvault run --watch --write app.env --signal HUP -- ./server app.env',
      )
        .argument('<command...>', 'the program and its arguments, behind --')
        .option(
          '-f, --env-file <file>',
          'the file (.env); - is stdin; if given again, the last file that has a key wins',
          collect,
        ),
    )
      .option('--redact', 'replace secrets in the output of the program with [redacted]')
      .option('--at <instant>', 'every secret as it was then (RFC 3339, Z)', instantOf('--at')),
  )
    .passThroughOptions()
    .action(async ([command = '', ...args], flags) => {
      const watch = watchOf(flags);
      const childOf = ({ env, hide }: Reading): Child => ({ command, args, env, hide });
      const session = openSession(flags);
      const texts = await readTexts(flags.envFile ?? ['.env']);
      if (watch) requireOther(watch, texts);
      const merging = watch?.target ? { only: flags.only } : mergingFor(flags);
      const merged = mergeFiles(texts, merging);
      const expansion = { ...merged, at: flags.at, dialect: watch?.dialect };
      const reading = await getReading(session, flags, expansion);
      if (watch) writeFor(watch, reading);
      const watcher = watch && watchFile(watch, { flags, merging, texts, reading, childOf });
      process.exitCode = (await runChild(childOf(reading), watcher)).code;
    });
