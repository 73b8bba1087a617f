/** For each dialect, the programs that read its files. */
import type { TextDialect } from '../../../functions/env/dialects/dialect.ts';
import { parseFile } from '../../../functions/env/grammar.ts';
import { nodeReaders, readWithExpand } from '../../support/node-readers.ts';
import { readWithShell, type Shell } from '../../support/shells.ts';
import { type Finding, readWithGo, readWithPhp, readWithPython, readWithRuby } from './programs.ts';

export type Reader = {
  readonly name: string;
  readonly read: (texts: readonly string[]) => Finding[];
  /** Whether this reader may stop at a line with a warning, so that later values are missing. */
  readonly mayStop?: boolean;
};

/**
 * Returns the keys in a file. Joined quotes are removed first: a line for shells may have them, but
 * the grammar does not read them.
 */
const keysOf = (text: string): string[] =>
  parseFile(text.replaceAll(`'\\''`, '')).lines.flatMap((line) =>
    line.kind === 'assignment' ? [line.key] : [],
  );

/** What a reader reports if its shell exited at a line of the file. */
export const endedShell = 'the file ended its shell';

const readerOf =
  (shell: Shell) =>
  (texts: readonly string[]): Finding[] => {
    // With an additional key, a shell that finds nothing can be told from a shell that ended.
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
  ruby: [{ name: 'the gem dotenv', read: (texts) => readWithRuby(texts) }],
  php: [{ name: 'phpdotenv', read: (texts) => readWithPhp(texts) }],
};

export const textDialects = Object.keys(readersOf) as TextDialect[];

/**
 * Reads with npm dotenv, and expands what it has found with dotenv-expand. The variables that
 * dotenv-expand may look up are set to a value that no file contains.
 */
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

/** Sorts a map by key, so that two maps with equal entries compare as equal. */
export const sorted = (found: Finding): unknown =>
  typeof found === 'string' ? found : [...found].sort(([a], [b]) => (a < b ? -1 : 1));
