/** The readers that are other programs: docker's, in Go, and python-dotenv. */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

const built = join(process.cwd(), '.local/readers');
export const goReader = join(built, 'go/read');
export const pythonReader = join(built, 'python/bin/python');

/** The values that a reader finds in a file, by key; a text explains why it finds nothing. */
export type Finding = ReadonlyMap<string, string> | string;

/** Whether variables that a reader may look up are set, to a value that no file holds. */
type Surroundings = 'set' | 'unset';

/** The answers of a program, one line of JSON for each question. */
const answersOf = (
  program: string,
  args: readonly string[],
  questions: readonly unknown[],
  surroundings: Surroundings,
): string[] => {
  const input = questions.map((one) => `${JSON.stringify(one)}\n`).join('');
  const names = surroundings === 'set' ? [...'ABCKTXZabnx', 'HOME', 'EVERY_VARIABLE'] : [];
  const environment = Object.fromEntries(names.map((name) => [name, 'of the environment']));
  const output = execFileSync(program, args, {
    input,
    env: { ...environment, PYTHONUTF8: '1' },
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

/** The keys and values that python-dotenv's parser finds in each text, before it replaces variables. */
export const parseWithPython = (texts: readonly string[]): [string | null, string | null][][] =>
  answersOf(pythonReader, ['test/proof/readers/python/bindings.py'], texts, 'unset').map(
    (line) => JSON.parse(line).bindings,
  );
