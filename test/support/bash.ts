/** The real bash, as a reader of `.env` files. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A file, and the variables to ask for after it was read. */
export type Reading = { readonly text: string; readonly keys: readonly string[] };

/**
 * What bash holds in `keys` after `set -a; . file`, for each file in a shell of its own; `undefined`:
 * not set. An empty list: the file ended its shell. Files must hold no control that `printf` gives as
 * a separator (NUL), and find no command to run: the search path is empty. `locales` is the folder of a
 * locale that is not of this machine.
 */
export const readWithBash = (
  readings: readonly Reading[],
  locale = 'C.UTF-8',
  locales?: string,
): (string | undefined)[][] => {
  const folder = mkdtempSync(join(tmpdir(), 'env-'));
  try {
    const script = readings.map(({ text, keys }, index) => {
      writeFileSync(join(folder, `${index}.env`), text);
      // A variable that is set is printed after an equals sign.
      const print = keys.map((key) => `printf '%s\\0' "\${${key}+=}\${${key}-}"`).join('\n');
      return `( set -a; . ./${index}.env </dev/null >/dev/null 2>&1\n${print}\n)\nprintf 'end\\0'\n`;
    });
    writeFileSync(join(folder, 'script'), script.join(''));
    const env = { PATH: '/nonexistent', LC_ALL: locale, ...(locales && { LOCPATH: locales }) };
    const options = { cwd: folder, env, maxBuffer: 2 ** 28 };
    const output = execFileSync('/bin/bash', ['--norc', './script'], options).toString('utf8');
    const files = output.split('end\0').slice(0, -1);
    return files.map((file) =>
      file
        .split('\0')
        .slice(0, -1)
        .map((value) => (value.startsWith('=') ? value.slice(1) : undefined)),
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
};

/**
 * Whether the vault's spelling of a value is one that the grammar does not read: in double quotes it would
 * need a backslash behind a character beyond ASCII.
 */
export const isForBashOnly = (value: string): boolean =>
  value.includes("'") && /\P{ASCII}[\\"$`]/u.test(value);
