import { usage } from '../../system/failures.ts';
import { openSession } from '../requests/vault-client.ts';
import { type Child, runChild } from '../run/child-program.ts';
import { fileOptions, getReading, type Reading, readContent } from '../run/program-file.ts';
import {
  requireOther,
  type WatchFlags,
  watchFile,
  watchOf,
  watchPresets,
  writeFor,
} from '../run/watch.ts';
import { askedInstant, vaultCommand } from './command-line.ts';

export const runCommand = () =>
  vaultCommand(
    'run',
    'run a program with the variables of a file, expanded, in its environment and nowhere else',
    `
    dsvault run -- node server.js
    dsvault run -f production.env --only DB_URL,API_KEY -- ./migrate
    dsvault run --pristine --redact -- ./build.sh
    dsvault run --watch -- node server.js
    dsvault run --watch --write app.env --signal HUP -- ./server app.env
    `,
  )
    .argument('<command...>', 'the program and its arguments, behind --')
    .option(...fileOptions.envFile)
    .option(...fileOptions.only)
    .option(...fileOptions.pristine)
    .option(...fileOptions.keepToken)
    .option('--redact', 'replace secrets in the output of the program with [redacted]')
    .option('--at <instant>', 'every secret as it was then (RFC 3339, Z)')
    .option('--watch', 'restart the program when the file or one of its secrets has changed')
    .option('--interval <seconds>', `the time between two looks (${watchPresets.intervalS})`)
    .option(
      '--signal <name>',
      'the signal that tells the program of a change (TERM; with --write none)',
    )
    .option('--grace <seconds>', `the time from that signal to KILL (${watchPresets.graceS})`)
    .option('--write <file>', 'write the expanded file there instead, and do not restart')
    .option('--dialect <name>', 'how that file is written (shell)')
    .passThroughOptions()
    .action(async ([command = '', ...args], flags) => {
      const watch = readWatch(flags);
      const at = flags.at === undefined ? undefined : askedInstant(flags.at);
      const childOf = ({ env, hide }: Reading): Child => ({ command, args, env, hide });
      const session = openSession(flags);
      const content = await readContent(flags);
      if (watch) requireOther(watch, flags.envFile);
      const expansion = { content, at, dialect: watch?.dialect };
      const reading = await getReading(session, flags, expansion);
      if (watch) writeFor(watch, reading);
      const watcher = watch && watchFile(watch, { file: flags, flags, content, reading, childOf });
      process.exitCode = (await runChild(childOf(reading), watcher)).code;
    });

type RunFlags = WatchFlags & {
  readonly watch?: true | undefined;
  readonly at?: string | undefined;
  readonly redact?: true | undefined;
};

const readWatch = ({ watch, at, redact, ...flags }: RunFlags) => {
  const { interval, signal, grace, write, dialect } = flags;
  if (watch) {
    if (at !== undefined) throw usage('give --watch or --at: the past does not change');
    if (write !== undefined && redact) throw usage('give --write or --redact');
    return watchOf(flags);
  }
  const given = [interval, signal, grace, write, dialect].some((flag) => flag !== undefined);
  if (!given) return undefined;
  throw usage('--interval, --signal, --grace, --write and --dialect belong to --watch');
};
