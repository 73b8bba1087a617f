/**
 * Every program here is a command of the library commander, created by `newProgram` and run to its
 * end by `runProgram`. A wrong command line changes nothing: one sentence on stderr says what is
 * wrong, and the exit code is 2.
 */
import { types } from 'node:util';
import { Command, CommanderError, type CommandUnknownOpts } from '@commander-js/extra-typings';
import { isFailure, sentenceOf, usage } from '../../system/failures.ts';
import { asTypedHere } from './commands.ts';
import {
  causeOfEnd,
  closeEverything,
  exitCodes,
  hasOpen,
  listenForEnd,
  untilAbandoned,
} from './ending.ts';

export const say = (line: string): void => void process.stdout.write(`${line}\n`);
export const report = (line: string): void => void process.stderr.write(`${line}\n`);

const section = (title: string, lines: readonly string[]): string =>
  lines.length === 0 ? '' : `\n${title}:\n${lines.map((line) => `  ${line}\n`).join('')}`;

/**
 * Creates a program, to which the caller adds arguments, options, commands and the action. `name`
 * is what a user types before them, such as `npm run token --`. Each line of `installs` names one
 * thing that the program may install or leave running.
 */
export const newProgram = (
  name: string,
  summary: string,
  examples: readonly string[],
  installs: readonly string[] = [],
): Command =>
  new Command(asTypedHere(name))
    .description(asTypedHere(summary))
    .helpOption('-h, --help', 'show this')
    .helpCommand(false)
    .addHelpText(
      'after',
      `${section(
        'Examples',
        examples.map((example) => asTypedHere(example)),
      )}${section('It may install, or leave running', installs)}`.trimEnd(),
    )
    .configureOutput({ outputError: () => undefined })
    .exitOverride();

/**
 * Returns the usage error for a wrong command line. For superfluous arguments, Commander's message
 * says how many there are; the message here quotes them instead.
 */
const misuse = ({ code, message }: CommanderError, words: readonly string[]): Error => {
  const sentence =
    code === 'commander.excessArguments'
      ? `there is no command "${words.join(' ')}"`
      : // Commander puts a suggestion on a line of its own; here it is joined to the sentence.
        message
          .replace(/^error: /, '')
          .replace('Allowed choices are', 'The choices are')
          .replace(
            /^command-argument value ('.*') is invalid for argument '(.*)'\. (.)/,
            (_, value, name, first) => `${value} is not a valid ${name}: ${first.toLowerCase()}`,
          )
          .replaceAll('\n', ' ')
          .replace(/\.$/, '');
  return usage(`${sentence}; --help shows how it is used`);
};

const parse = async (program: CommandUnknownOpts): Promise<void> => {
  try {
    await program.parseAsync();
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    // Commander also throws after it has printed the help.
    if (error.exitCode !== 0) throw misuse(error, program.args);
  }
};

/**
 * Runs a part of the program. An error that is not a failure is a bug of ours, and only then the
 * stack is shown.
 */
const runPart = async (part: () => Promise<void>): Promise<void> => {
  try {
    await part();
  } catch (error) {
    const isBug = types.isNativeError(error) && !isFailure(error);
    report(`${isBug ? error.stack : asTypedHere(sentenceOf(error))}`);
    process.exitCode = isFailure(error) ? error.exitCode : 1;
  }
};

/**
 * After Ctrl-C at a terminal, says that the program has stopped. Otherwise says so only if the
 * program was abandoned and what it had started had to be ended.
 */
const reportStop = (hadStarted: boolean): void => {
  const cause = causeOfEnd();
  if (cause === undefined || cause === 'SIGPIPE') return;
  const isCtrlC = cause === 'SIGINT' && process.stderr.isTTY;
  if (!isCtrlC && !hadStarted) return;
  // The terminal has printed `^C` in the current line, so the message begins on a new one.
  report(
    `${isCtrlC ? '\n' : ''}stopped${hadStarted ? ', with everything that it had started' : ''}`,
  );
};

/** Settles when the system has accepted all output, or never will. */
const untilPrinted = (stream: NodeJS.WriteStream): Promise<void> =>
  new Promise((resolve) => {
    stream.write('', () => resolve());
  });

/** Ends everything that the program has started, and then the process. */
const end = async (hadStarted: boolean): Promise<never> => {
  await runPart(closeEverything);
  reportStop(hadStarted);
  await Promise.all([process.stdout, process.stderr].map(untilPrinted));
  // If the reader of the output has gone only now, that is the cause of the end. The exit is
  // explicit, because connections that clients keep open would keep the process alive.
  const isUnread = causeOfEnd() === 'SIGPIPE';
  process.exit(process.exitCode ?? (isUnread ? exitCodes.SIGPIPE : 0));
};

/**
 * Runs a program with this process's command line to its end. If the program is asked to end
 * before, its work is abandoned unless it has called `untilSignal`. Never returns.
 */
export const runProgram = async (program: CommandUnknownOpts): Promise<never> => {
  listenForEnd();
  let hadStarted = false;
  const abandoned = untilAbandoned().then(() => {
    process.exitCode = exitCodes[causeOfEnd() ?? 'SIGTERM'];
    hadStarted = hasOpen();
  });
  await runPart(() => Promise.race([parse(program), abandoned]));
  return await end(hadStarted);
};
