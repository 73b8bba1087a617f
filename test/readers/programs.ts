/** The readers that are other programs: docker's, in Go, and python-dotenv. */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

const built = join(process.cwd(), '.local/readers');
export const goReader = join(built, 'go/read');
export const pythonReader = join(built, 'python/bin/python');

/** What a reader finds in a file, by key; a text: why it finds nothing. */
export type Found = ReadonlyMap<string, string> | string;

/** Whether variables that a reader may look for are set, to what no file holds. */
type Surroundings = 'set' | 'unset';

const ask = (
  program: string,
  args: readonly string[],
  questions: readonly unknown[],
  surroundings: Surroundings,
): Found[] => {
  const input = questions.map((one) => `${JSON.stringify(one)}\n`).join('');
  const names = surroundings === 'set' ? [...'ABCKTXZabnx', 'HOME', 'EVERY_VARIABLE'] : [];
  const environment = Object.fromEntries(names.map((name) => [name, 'of the environment']));
  const output = execFileSync(program, args, {
    input,
    env: { ...environment, PYTHONUTF8: '1' },
    maxBuffer: 2 ** 29,
  });
  const answers = output.toString('utf8').trimEnd().split('\n');
  return answers.map((line) => {
    const { error, values } = JSON.parse(line);
    return error ?? new Map(Object.entries(values ?? {}));
  });
};

export const readWithGo = (
  reader: 'compose' | 'docker',
  texts: readonly string[],
  surroundings: Surroundings = 'set',
): Found[] => {
  const questions = texts.map((text) => ({ reader, text }));
  return ask(goReader, [], questions, surroundings);
};

export const readWithPython = (
  texts: readonly string[],
  surroundings: Surroundings = 'set',
): Found[] => ask(pythonReader, ['test/readers/python/read.py'], texts, surroundings);
