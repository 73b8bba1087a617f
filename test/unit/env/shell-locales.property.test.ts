import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { contentOf, unlessRefused } from '../../support/env-runs.ts';
import { itIn, itWith } from '../../support/needs.ts';
import { readWithBash, readWithShell, shells } from '../../support/shells.ts';

/**
 * Characters whose last byte starts a two-byte character in some other encoding, and characters
 * with a meaning in bash.
 */
const piece = fc.constantFrom(
  ...['é', 'Á', '中', 'あ', '😀', 'é', '中', '\u00a0'],
  ...['\\', '\\', '"', '"', "'", "'", '$', '`', '`', '$(:)', '${A:-', '}', '{', ';', '|', '#'],
  ...['a', ' ', '1', '@', '[', '~', '\n'],
);
const text = (maxLength: number) =>
  fc.array(piece, { minLength: 1, maxLength }).map((all) => all.join(''));

/** Removes the single-quoted parts of a line, because nothing is an escape there. */
const outsideSingleQuotes = (line: string): string =>
  line.startsWith("A='") ? line.replace(/(\\')|'[^']*'/g, '$1') : line;

describe('a value written for a shell', () => {
  // Shows G10.
  it('contains no escape after a byte that starts a character in some locale', () => {
    let escaped = 0;
    const judge = (value: string) => {
      const written = contentOf('A=secret(X)\n', { mode: 'expand', secrets: { X: value } });
      const bytes = Buffer.from(outsideSingleQuotes(written)).toString('latin1');
      expect(bytes).not.toMatch(/[\x80-\xff][\\`]/);
      if (bytes.includes('\\')) escaped++;
    };
    fc.assert(fc.property(text(12), judge), { numRuns: 5_000 });
    expect(escaped).toBeGreaterThan(500);
  });
});

const locales = ['zh_CN.GBK', 'zh_TW.BIG5', 'ja_JP.SHIFT_JIS', 'ko_KR.JOHAB', 'ru_RU.ISO-8859-5'];
/** Locales in which each byte of `é` counts as a letter. */
const byteLetters = new Set(['ja_JP.SHIFT_JIS', 'ru_RU.ISO-8859-5']);
const folder = mkdtempSync(join(tmpdir(), 'locales-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const sources = 'the sources of locales (Debian: locales)';
/** Makes the locale, if this machine has the sources for it. */
const canBeMade = (locale: string): boolean => {
  const [language = '', charmap = ''] = locale.split('.');
  const path = join(folder, locale);
  // localedef exits with 1 even if there were only warnings.
  spawnSync('localedef', ['--no-archive', '-c', '-f', charmap, '-i', language, path]);
  return existsSync(join(path, 'LC_CTYPE'));
};

/**
 * Values and the file that holds them. They depend only on the seed, so they are the same in each
 * locale.
 */
const values = fc.sample(text(12), { numRuns: 1_500 });
const keys = values.map((_, index) => `K${index}`);
const written = values.map((value, index) =>
  contentOf(`${keys[index]}=secret(X)\n`, { mode: 'expand', secrets: { X: value } }),
);

/**
 * Different files in which the vault writes a line between arbitrary others, without those that it
 * refuses.
 */
const secret = `x'$(exit 3)"\`;\\`;
const quotes = fc.constantFrom('"', '"', '');
const lines = fc
  .tuple(quotes, text(6))
  .map(([quote, any]) => `A=${quote}${any}${quote}\nT=secret(X)\nC='"'\nD="'"\nE='\`}'\n`);
const contents = [...new Set(fc.sample(lines, { numRuns: 4_000 }))];
const rendered = contents.flatMap((content) => {
  const options = { mode: 'expand', secrets: { X: secret } } as const;
  return unlessRefused(() => contentOf(content, options)) ?? [];
});

describe.each(locales)('in the locale %s', (locale) => {
  const isMade = canBeMade(locale);
  const itHere = itWith(sources, isMade);

  for (const shell of shells) {
    (isMade ? itIn(shell) : itHere)(`${shell} reads every value exactly`, () => {
      const readings = [{ text: written.join(''), keys }];
      expect(readWithShell(shell, readings, locale, folder)).toEqual([values]);
      // A file may set the locale in which the rest of it is read.
      const chosen = [{ text: `LC_ALL=${locale}\n${written.join('')}`, keys }];
      expect(readWithShell(shell, chosen, 'C', folder)).toEqual([values]);
    });
  }

  itHere('bash takes é[ for a subscript only if each byte of é is a letter there', () => {
    const [[read] = []] = readWithBash([{ text: "A= é[\nT='x]y'\n", keys: ['T'] }], locale, folder);
    expect(read).toBe(byteLetters.has(locale) ? undefined : 'x]y');
  });

  itHere('bash reads a value after an unchanged line exactly, or the vault refuses it', () => {
    expect(rendered.length).toBeGreaterThan(300);
    const readings = rendered.map((content) => ({ text: content, keys: ['T'] }));
    const read = readWithBash(readings, locale, folder);
    expect(rendered.filter((_, index) => read[index]?.[0] !== secret)).toEqual([]);
  });
});
