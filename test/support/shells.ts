/** The real shells as readers of `.env` files. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A file, and the variables to ask for after reading it. */
export type Reading = { readonly text: string; readonly keys: readonly string[] };

/** The options that make a shell skip its start-up files. */
const options = { bash: ['--norc'], dash: [], zsh: ['-f'] } as const;

export type Shell = keyof typeof options;

const programOf = (shell: Shell): string | undefined =>
  ['/bin', '/usr/bin', '/usr/local/bin', '/opt/homebrew/bin']
    .map((folder) => join(folder, shell))
    .find((path) => existsSync(path));

/** The installed shells: bash, which the tests need, and the others if present. */
export const shellsHere: readonly Shell[] = [
  'bash',
  ...(['dash', 'zsh'] as const).filter((shell) => programOf(shell) !== undefined),
];

/**
 * The values of `keys` after `set -a; . file`, for each file in a separate shell; `undefined` means not set. An empty
 * list means that the file ended its shell. Files must not contain NUL, which separates the output, and find no command
 * to run, because the search path is empty. `locales` is the folder of a locale that this machine does not have.
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
  // The shells work in an empty folder: zsh reads `A=>*` as the order to write over each file that it finds there.
  const cwd = join(folder, 'empty');
  try {
    mkdirSync(cwd);
    const script = readings.map(({ text, keys }, index) => {
      writeFileSync(join(folder, `${index}.env`), text);
      // A variable that is set is printed after an equals sign.
      const print = keys.map((key) => `printf '%s\\0' "\${${key}+=}\${${key}-}"`).join('\n');
      return `( set -a; . ../${index}.env </dev/null >/dev/null 2>&1\n${print}\n)\nprintf 'end\\0'\n`;
    });
    writeFileSync(join(folder, 'script'), script.join(''));
    const env = { PATH: '/nonexistent', LC_ALL: locale, ...(locales && { LOCPATH: locales }) };
    const run = { cwd, env, maxBuffer: 2 ** 28 };
    const output = execFileSync(program, [...options[shell], '../script'], run).toString('utf8');
    // A value follows an equals sign, so only the end of a file is a field "end".
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

/** The values that bash has after reading a file: see `readWithShell`. */
export const readWithBash = (
  readings: readonly Reading[],
  locale?: string,
  locales?: string,
): (string | undefined)[][] => readWithShell('bash', readings, locale, locales);

/**
 * Whether the vault spells a value in a way that the grammar does not read: in double quotes it would need a backslash
 * before a non-ASCII character.
 */
export const isForShellsOnly = (value: string): boolean =>
  value.includes("'") && /\P{ASCII}[\\"$`]/u.test(value);
