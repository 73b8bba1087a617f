/**
 * The one way in which every program here reads its command line. `--help` is answered before anything else is done,
 * and unknown words and options are refused, so that a mistyped word has no effect. It uses Node's `parseArgs`, because
 * the programs also run in containers, which have no development dependencies.
 */
import { parseArgs, types } from 'node:util';
import { failure, isFailure, sentenceOf } from '../../system/failures.ts';
import {
  causeOfEnd,
  closeEverything,
  exitCodes,
  hasOpen,
  listenForEnd,
  untilAbandoned,
} from './ending.ts';

type Option = {
  /** The usage shows this in place of the option's value: `FILE`. Absent: the option takes no value. */
  readonly value?: string;
  readonly does: string;
};
type Options = Readonly<Record<string, Option>>;

export type CommandLine<Known extends Options> = {
  /** The command by which a person starts it: `npm run token`. */
  readonly name: string;
  /** The end of a sentence that begins with the program's name. */
  readonly does: string;
  /** Each way to write the rest of the command line, and what the program does then. */
  readonly forms: readonly (readonly [form: string, does: string])[];
  readonly options?: Known;
  /**
   * Whether the command line may have words that belong to no option; the program itself refuses those it does not
   * know.
   */
  readonly takesWords?: boolean;
  /** If this is the first word, all further words belong to another program and are not read here. */
  readonly passesOnAfter?: string;
  readonly examples: readonly string[];
  /** Each line names one thing that the program may install or leave running, and how to undo that. */
  readonly installs?: readonly string[];
};

export type Asked<Known extends Options> = {
  readonly words: readonly string[];
  readonly options: {
    readonly [Name in keyof Known]?:
      | (Known[Name] extends { value: string } ? string : true)
      | undefined;
  };
};

const help = { help: { does: 'show this' } };

const inColumns = (rows: readonly (readonly [string, string])[]): readonly string[] => {
  const width = Math.max(...rows.map(([first]) => first.length));
  return rows.map(([first, second]) => `${first.padEnd(width)}  ${second}`.trimEnd());
};

const usageOf = (line: CommandLine<Options>): string => {
  const { name, does, forms, options = {}, examples, installs = [] } = line;
  const isWhole = name.startsWith('node ') || name.includes(' -- ');
  const called = (form: string) => (form === '' || isWhole ? form : `-- ${form}`);
  const parts = {
    Usage: inColumns(forms.map(([form, what]) => [`${name} ${called(form)}`.trimEnd(), what])),
    Options: inColumns(
      Object.entries({ ...options, ...help }).map(
        ([option, { value = '', does: what }]: [string, Option]) => [
          `${option === 'help' ? '-h, ' : ''}--${option} ${value}`.trimEnd(),
          what,
        ],
      ),
    ),
    Examples: examples,
    'It may install, or leave running': installs,
  };
  const shown = Object.entries(parts).filter(([, lines]) => lines.length > 0);
  const texts = shown.map(
    ([title, lines]) => `${title}:\n${lines.map((one) => `  ${one}\n`).join('')}`,
  );
  return [`${name} ${does}.\n`, ...texts].join('\n');
};

const usage = (sentence: string): Error =>
  failure(`${sentence}; --help shows how it is used`, { exitCode: 2 });

/** Turns an error of `parseArgs` into a failure, without its advice on what to type, which does not apply here. */
const plainly = (error: unknown): Error => {
  const [sentence = ''] = sentenceOf(error).split(/\.? To specify|\.?\n/);
  return usage(
    sentence.replace(/^Unexpected argument (.*)\. This command.*$/, 'unexpected argument $1'),
  );
};

const parse = (line: CommandLine<Options>, args: readonly string[]) => {
  const known: Options = { ...line.options, ...help };
  const options = Object.entries(known).map(([option, { value }]) => [
    option,
    { type: value === undefined ? 'boolean' : 'string', ...(option === 'help' && { short: 'h' }) },
  ]);
  try {
    const allowPositionals = line.takesWords === true;
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals,
      options: Object.fromEntries(options),
    });
    return { values: new Map(Object.entries(values)), positionals };
  } catch (error) {
    throw plainly(error);
  }
};

/** Reads the command line; `undefined` means that the user asks for the usage. Throws a sentence (exit code 2). */
export const readCommandLine = <Known extends Options>(
  line: CommandLine<Known>,
  args: readonly string[],
): Asked<Known> | undefined => {
  if (line.passesOnAfter !== undefined && args[0] === line.passesOnAfter) {
    return { words: args, options: {} };
  }
  const { values, positionals } = parse(line, args);
  if (values.has('help')) return undefined;
  return { words: positionals, options: Object.fromEntries(values) as Asked<Known>['options'] };
};

/** Makes the failure for words that the program does not know; for no words, that `missing` is missing. */
export const unknownWords = (words: readonly string[], missing = 'a word'): Error =>
  usage(words.length === 0 ? `${missing} is missing` : `it does not know "${words.join(' ')}"`);

/** Runs a part of the program. An error that is not a failure is our bug; only such an error is shown with its stack. */
const runCommand = async (command: () => Promise<void>): Promise<void> => {
  try {
    await command();
  } catch (error) {
    const isBug = types.isNativeError(error) && !isFailure(error);
    report(`${isBug ? error.stack : sentenceOf(error)}`);
    process.exitCode = isFailure(error) ? error.exitCode : 1;
  }
};

const report = (line: string): void => void process.stderr.write(`${line}\n`);

/** Tells a person at a terminal that Ctrl-C has worked, and anybody that what the program had started is gone as well. */
const reportStop = (hadStarted: boolean): void => {
  const cause = causeOfEnd();
  if (cause === undefined || cause === 'SIGPIPE') return;
  const isCtrlC = cause === 'SIGINT' && process.stderr.isTTY;
  if (!isCtrlC && !hadStarted) return;
  // The terminal has written ^C.
  report(
    `${isCtrlC ? '\n' : ''}stopped${hadStarted ? ', with everything that it had started' : ''}`,
  );
};

/** Settles when the system has taken all output, or never will. */
const untilPrinted = (stream: NodeJS.WriteStream): Promise<void> =>
  new Promise((resolve) => {
    stream.write('', () => resolve());
  });

/** Ends everything that the program has started, and then the process. */
const end = async (hadStarted: boolean): Promise<never> => {
  await runCommand(closeEverything);
  reportStop(hadStarted);
  await Promise.all([process.stdout, process.stderr].map(untilPrinted));
  // The reader may have gone just now. Without the exit below, connections that clients keep would keep this process
  // alive.
  const isUnread = causeOfEnd() === 'SIGPIPE';
  process.exit(process.exitCode ?? (isUnread ? exitCodes.SIGPIPE : 0));
};

/**
 * Runs a program with this process's command line to its end, or shows its usage. If the program is asked to end
 * before, its work is abandoned unless it awaits `untilSignal`. Never returns.
 */
export const runProgram = async <const Known extends Options>(
  line: CommandLine<Known>,
  work: (asked: Asked<Known>) => Promise<void>,
): Promise<never> => {
  listenForEnd();
  let hadStarted = false;
  const abandoned = untilAbandoned().then(() => {
    process.exitCode = exitCodes[causeOfEnd() ?? 'SIGTERM'];
    hadStarted = hasOpen();
  });
  await runCommand(async () => {
    const asked = readCommandLine(line, process.argv.slice(2));
    if (asked === undefined) process.stdout.write(usageOf(line));
    else await Promise.race([work(asked), abandoned]);
  });
  return await end(hadStarted);
};
