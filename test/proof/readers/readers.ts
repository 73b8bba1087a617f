/** The programs that read the files of each dialect. */
import type { TextDialect } from '../../../functions/env/dialects/dialect.ts';
import { parseFile } from '../../../functions/env/grammar.ts';
import { nodeReaders, readWithExpand } from '../../support/node-readers.ts';
import { readWithShell, type Shell } from '../../support/shells.ts';
import { type Finding, readWithGo, readWithPython } from './programs.ts';

export type Reader = {
  readonly name: string;
  /** Returns the values found in each file. */
  readonly read: (texts: readonly string[]) => Finding[];
  /** A line with a warning may end the reading, so that later values are missing. */
  readonly mayStop?: boolean;
};

/** Removes joined quotes, which a line for shells may have and the grammar does not read. */
const keysOf = (text: string): string[] =>
  parseFile(text.replaceAll(`'\\''`, '')).lines.flatMap((line) =>
    line.kind === 'assignment' ? [line.key] : [],
  );

/** Stands for a shell that exited at a line of the file. */
export const endedShell = 'the file ended its shell';

const readerOf =
  (shell: Shell) =>
  (texts: readonly string[]): Finding[] => {
    // One more key distinguishes a shell that finds nothing from one that ended.
    const readings = texts.map((text) => ({ text, keys: [...keysOf(text), 'none'] }));
    return readWithShell(shell, readings).map((values, index) => {
      if (values.length === 0) return endedShell;
      const found = new Map<string, string>();
      for (const [at, key] of readings[index]?.keys.entries() ?? []) {
        const value = values[at];
        if (value !== undefined) found.set(key, value);
      }
      return found;
    });
  };

const readersOfNode = nodeReaders.map(([name, read]) => ({
  name,
  read: (texts: readonly string[]) => texts.map(read),
}));

export const readersOf: Readonly<Record<TextDialect, readonly Reader[]>> = {
  shell: [
    { name: 'bash', read: readerOf('bash') },
    { name: 'dash', read: readerOf('dash'), mayStop: true },
    { name: 'zsh', read: readerOf('zsh'), mayStop: true },
  ],
  compose: [{ name: 'docker compose', read: (texts) => readWithGo('compose', texts) }],
  docker: [{ name: 'docker run', read: (texts) => readWithGo('docker', texts) }],
  node: readersOfNode,
  dotenv: readersOfNode,
  python: [{ name: 'python-dotenv', read: (texts) => readWithPython(texts) }],
};

export const textDialects = Object.keys(readersOf) as TextDialect[];

/** Reads again what npm dotenv found. Variables that it may look up are set to a value that no file holds. */
export const dotenvExpand: Reader = {
  name: 'dotenv-expand',
  read: (texts) => {
    const names = [...'abnrtxABZKTX', 'HOME'];
    const environment = Object.fromEntries(names.map((name) => [name, 'of the environment']));
    return texts.map((text) => {
      const found = readWithExpand(text, environment);
      return new Map(
        [...found].filter(([key]) => !names.includes(key) || text.includes(`${key}=`)),
      );
    });
  },
};

/** A map sorted by key, so that two maps with equal entries are equal. */
export const sorted = (found: Finding): unknown =>
  typeof found === 'string' ? found : [...found].sort(([a], [b]) => (a < b ? -1 : 1));
