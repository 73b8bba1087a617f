/** Reads `.env` files with real shells. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** The text of a file, and the variables whose values are wanted after a shell has read it. */
export type Reading = { readonly text: string; readonly keys: readonly string[] };

/** These options make a shell skip its start-up files. */
const options = { bash: ['--norc'], dash: [], zsh: ['-f'] } as const;

export type Shell = keyof typeof options;

const programOf = (shell: Shell): string | undefined =>
  ['/bin', '/usr/bin', '/usr/local/bin', '/opt/homebrew/bin']
    .map((folder) => join(folder, shell))
    .find((path) => existsSync(path));

export const shells: readonly Shell[] = ['bash', 'dash', 'zsh'];

/** The installed shells. The tests need bash; they use the others if they are there. */
export const shellsHere: readonly Shell[] = shells.filter(
  (shell) => shell === 'bash' || programOf(shell) !== undefined,
);

/**
 * Reads each file in a shell of its own, by `set -a; . file`, and returns the values of its `keys`;
 * `undefined` means not set. An empty list means that the file ended its shell. A file must not
 * contain NUL, which separates the output. The search path is empty, so a file cannot run programs.
 * `locales` is the folder of a locale that this machine does not have.
 */
export const readWithShell = (
  shell: Shell,
  readings: readonly Reading[],
  locale = 'C.UTF-8',
  locales?: string,
): (string | undefined)[][] => {
  const program = programOf(shell);
  if (program === undefined) throw new Error(`the test needs ${shell} on this machine`);
  const folder = mkdtempSync(join(tmpdir(), 'env-'));
  // The shells run in an empty folder, because for zsh `A=>*` is a command to overwrite every file
  // in the current folder.
  const cwd = join(folder, 'empty');
  try {
    mkdirSync(cwd);
    const script = readings.map(({ text, keys }, index) => {
      writeFileSync(join(folder, `${index}.env`), text);
      // If a variable is set, its value is printed after an equals sign.
      const print = keys.map((key) => `printf '%s\\0' "\${${key}+=}\${${key}-}"`).join('\n');
      return `( set -a; . ../${index}.env </dev/null >/dev/null 2>&1\n${print}\n)\nprintf 'end\\0'\n`;
    });
    writeFileSync(join(folder, 'script'), script.join(''));
    const env = { PATH: '/nonexistent', LC_ALL: locale, ...(locales && { LOCPATH: locales }) };
    const run = { cwd, env, maxBuffer: 2 ** 28 };
    const output = execFileSync(program, [...options[shell], '../script'], run).toString('utf8');
    // In the output, values follow an equals sign, so a field that is just "end" can only mark the
    // end of a file.
    const files: (string | undefined)[][] = [];
    let fields: (string | undefined)[] = [];
    for (const field of output.split('\0').slice(0, -1)) {
      if (field === 'end') {
        files.push(fields);
        fields = [];
      } else fields.push(field.startsWith('=') ? field.slice(1) : undefined);
    }
    return files;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
};

/** Returns the values that bash has after reading each file. See `readWithShell`. */
export const readWithBash = (
  readings: readonly Reading[],
  locale?: string,
  locales?: string,
): (string | undefined)[][] => readWithShell('bash', readings, locale, locales);

/**
 * Whether the vault writes this value in a form that its own grammar does not read: in double
 * quotes, with a backslash after a non-ASCII character.
 */
export const isForShellsOnly = (value: string): boolean =>
  value.includes("'") && /\P{ASCII}[\\"$`]/u.test(value);
