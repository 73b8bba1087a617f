import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { contentOf, plan, render, unlessRefused } from '../../support/env-runs.ts';
import { seed } from '../../support/seed.ts';
import { endedShell, readersOf, sorted, textDialects } from './readers.ts';
import { valueSets } from './values.ts';

const all = [...valueSets(seed).values()].flat().filter((value) => value.length < 2_000);
const value = fc.constantFrom(...all.filter((any) => !/(?:secret|enc)[ \t]*\(/i.test(any)));

/** Writes a value in one of the ways that the grammar allows. */
const spell = (decoded: string, quote: number): string | undefined => {
  if (decoded.includes('\0')) return undefined;
  const bare = /^(?!['"#])\S(?:.*\S)?$/su.test(decoded) && !/[\n\r]|[ \t]#/.test(decoded);
  if (quote === 0 && bare) return decoded;
  if (quote === 1 && !decoded.includes("'")) return `'${decoded}'`;
  return `"${decoded.replace(/[\\"]/g, '\\$&').replaceAll('\t', '\\t')}"`;
};

type Line = { readonly text: string; readonly key?: string; readonly meaning?: string };

/**
 * Generates a line whose value is stored and expanded again (`N…`), with a line that refers to it
 * (`R…`), or a line that stays as it is (`L…`).
 */
const line = (index: number) =>
  fc
    .record({
      kind: fc.constantFrom('stored', 'stored', 'literal', 'comment', 'blank'),
      value,
      quote: fc.nat(2),
      head: fc.constantFrom('', '', '', 'export ', '  '),
      tail: fc.constantFrom('', '', ' # note', `\t# it's`),
    })
    .map((made): Line[] => {
      if (made.kind === 'comment') return [{ text: `# it's $(a) "comment` }];
      const spelled = spell(made.value, made.quote);
      if (made.kind === 'blank' || spelled === undefined) return [{ text: '' }];
      const stored = made.kind === 'stored';
      const key = `${stored ? 'N' : 'L'}${index}`;
      const own = { text: `${made.head}${key}=${spelled}${made.tail}`, key, meaning: made.value };
      if (!stored) return [own];
      const user = {
        text: `R${index}="-enc(${key})-"`,
        key: `R${index}`,
        meaning: `-${made.value}-`,
      };
      return [own, user];
    });
const file = fc
  .tuple(...Array.from({ length: 6 }, (_, index) => line(index)))
  .map((lines) => lines.flat());

/** Each file before and after encrypt, with the stored secrets. */
const samples = fc.sample(file, { numRuns: 2_500, seed }).map((lines) => {
  const text = lines.map((one) => `${one.text}\n`).join('');
  const options = { mode: 'encrypt' } as const;
  const secrets = Object.fromEntries(
    plan(text, options).create.map(({ name, value: any }) => [name, any]),
  );
  return { text, lines, encrypted: contentOf(text, options), secrets };
});

/**
 * Returns the meaning of each key in these lines. With `written`, leaves out the lines that the
 * vault does not write, whose keys begin with L.
 */
const meaningOf = (lines: readonly Line[], written: boolean): Map<string, string> =>
  new Map(
    lines.flatMap(({ key, meaning }) =>
      key === undefined || (written && key.startsWith('L')) ? [] : [[key, meaning ?? '']],
    ),
  );

describe('files after encrypt and expand', () => {
  it.each(textDialects)('still mean the same to the readers of %s', (dialect) => {
    const made = samples.flatMap(({ encrypted, lines, secrets }) => {
      const options = { mode: 'expand', dialect, secrets } as const;
      const rendered = unlessRefused(() => render(encrypted, options));
      return rendered
        ? [{ content: rendered.content, lines, warned: rendered.warnings.length > 0 }]
        : [];
    });
    // Readers understand a line with a warning in different ways, and it may hide other lines that
    // the caller wrote, or end the shell. So of a file with a warning, only the lines that the
    // vault writes are judged.
    const judged = made.filter(({ lines, warned }) => !warned || meaningOf(lines, true).size > 0);
    const texts = judged.map(({ content }) => content);
    for (const { name, read, mayStop = false } of readersOf[dialect]) {
      for (const [index, found] of read(texts).entries()) {
        const { lines = [], warned = false } = judged[index] ?? {};
        if (warned && found === endedShell) continue;
        const all = [...meaningOf(lines, warned)];
        const isThere = (key: string) => typeof found === 'string' || found.has(key);
        const wanted = new Map(warned && mayStop ? all.filter(([key]) => isThere(key)) : all);
        const seen = { name, seed, text: texts[index] };
        const kept =
          typeof found === 'string' || !warned
            ? found
            : new Map([...found].filter(([key]) => wanted.has(key)));
        expect({ ...seen, found: sorted(kept) }).toEqual({ ...seen, found: sorted(wanted) });
      }
    }
    const whole = judged.filter(({ warned }) => !warned).length;
    expect(whole).toBeGreaterThan(100);
    process.stdout.write(
      `${dialect}: ${made.length} of ${samples.length} files written, ${whole} without a warning\n`,
    );
  });
});
