/**
 * The readers that are separate programs: docker's, python-dotenv, the gem dotenv and phpdotenv.
 */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { findProgram } from '../../../system/programs.ts';

const built = join(process.cwd(), '.local/readers');
export const goReader = join(built, 'go/read');
export const pythonReader = join(built, 'python/bin/python');
/** The folder with the gem dotenv and phpdotenv, from Debian's packages. */
export const debianReaders = join(built, 'debian/usr');

/** The values that a reader finds in a file, by key. A text says why it finds nothing. */
export type Finding = ReadonlyMap<string, string> | string;

/**
 * Whether the variables that a reader may look up are set, to a value that no file contains. If
 * they are set, the reader cannot find any command to run.
 */
type Surroundings = 'set' | 'unset';

/** Returns the answers of a program, one line of JSON for each question. */
const answersOf = (
  program: string,
  args: readonly string[],
  questions: readonly unknown[],
  surroundings: Surroundings,
): string[] => {
  const input = questions.map((one) => `${JSON.stringify(one)}\n`).join('');
  const names = surroundings === 'set' ? [...'ABCKTXZabnx', 'HOME', 'EVERY_VARIABLE'] : [];
  const environment = Object.fromEntries(names.map((name) => [name, 'of the environment']));
  // The gem dotenv runs `$(…)`, and must not find a command that a generated line names.
  const PATH = surroundings === 'set' ? '/nowhere' : '/bin';
  const output = execFileSync(findProgram(program) ?? program, args, {
    input,
    env: { ...environment, PYTHONUTF8: '1', PATH },
    maxBuffer: 2 ** 29,
  });
  return output.toString('utf8').trimEnd().split('\n');
};

const foundIn = (answers: readonly string[]): Finding[] =>
  answers.map((line) => {
    const { error, values } = JSON.parse(line);
    return error ?? new Map(Object.entries(values ?? {}));
  });

export const readWithGo = (
  reader: 'compose' | 'docker',
  texts: readonly string[],
  surroundings: Surroundings = 'set',
): Finding[] => {
  const questions = texts.map((text) => ({ reader, text }));
  return foundIn(answersOf(goReader, [], questions, surroundings));
};

export const readWithPython = (
  texts: readonly string[],
  surroundings: Surroundings = 'set',
): Finding[] =>
  foundIn(answersOf(pythonReader, ['test/proof/readers/python/read.py'], texts, surroundings));

export const readWithRuby = (
  texts: readonly string[],
  surroundings: Surroundings = 'set',
): Finding[] => {
  const args = ['test/proof/readers/ruby/read.rb', debianReaders];
  return foundIn(answersOf('ruby', args, texts, surroundings));
};

export const readWithPhp = (
  texts: readonly string[],
  surroundings: Surroundings = 'set',
): Finding[] => {
  const args = ['test/proof/readers/php/read.php', join(debianReaders, 'share/php')];
  return foundIn(answersOf('php', args, texts, surroundings));
};

/**
 * Returns the keys and values that python-dotenv's parser finds in each text, before it replaces
 * variables.
 */
export const parseWithPython = (texts: readonly string[]): [string | null, string | null][][] =>
  answersOf(pythonReader, ['test/proof/readers/python/bindings.py'], texts, 'unset').map(
    (line) => JSON.parse(line).bindings,
  );
