import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { type Dialect, writerOf } from '../../../functions/env/dialects/dialect.ts';
import { findExpansions } from '../../../functions/env/dialects/python.ts';
import { parseFile } from '../../../functions/env/grammar.ts';
import { anyCharacter } from '../../support/characters.ts';
import { fileText } from '../../support/env-files.ts';
import { contentOf, plan, unlessRefused } from '../../support/env-runs.ts';
import { cpuMsOf } from '../../support/growth.ts';
import { nodeReaders, readWithExpand, readWithNodeProcess } from '../../support/node-readers.ts';

const dialects = ['shell', 'compose', 'docker', 'node', 'dotenv', 'python', 'ruby', 'php'] as const;

const value = fc
  .array(
    fc.oneof(
      { weight: 4, arbitrary: fc.constantFrom(...`'"\`\\$#{}() \t\n\rnab=\u2028\u00a0\uFEFF😀`) },
      { weight: 1, arbitrary: fc.string({ unit: anyCharacter, minLength: 1, maxLength: 1 }) },
    ),
    { maxLength: 10 },
  )
  .map((all) => all.join(''));

const line = fc.constantFrom(
  'KEY=secret(X)',
  `\t export\tKEY \t= 'secret(X)' \t# it's`,
  ' KEY = secret(X)   ',
  'KEY="secret(X)" # "$(',
);

describe('a value written for any dialect', () => {
  it('is read back exactly by the grammar of the vault, so that the reply can be expanded later', () => {
    fc.assert(
      fc.property(value, line, fc.constantFrom(...dialects), (any, template, dialect) => {
        const text = `${template.replace('KEY', 'K')}\nB=enc(N)\n`;
        const options = { dialect, values: { N: '1' }, secrets: { X: any } };
        const content = unlessRefused(() => contentOf(text, options));
        if (content === undefined) return;
        const { lines, errors } = parseFile(content);
        expect(errors).toEqual([]);
        const read = lines.flatMap((one) => (one.kind === 'assignment' ? [one] : []));
        expect(read.map(({ key }) => key)).toEqual(['K', 'B']);
        expect(read[0]?.value.decoded).toBe(any);
      }),
      { numRuns: 3_000 },
    );
  });

  it('is checked in linear time', () => {
    const cpuMs = cpuMsOf(() => {
      const pieces = [...`'"\\\`$#}=\r\u00a0a`, `\${`, `\${A:-`, `\${a:`, '$a', '$(', ' #'];
      for (const dialect of dialects) {
        for (const piece of pieces) {
          const long = piece.repeat(Math.floor(65_536 / piece.length));
          const options = { mode: 'expand', dialect, secrets: { X: long } } as const;
          unlessRefused(() => contentOf('A=secret(X)', options));
          for (const kept of [`A=${long}`, `A='${long}'`, `A="${long}"`, `# ${long}`]) {
            unlessRefused(() =>
              contentOf(`${kept}\nT=secret(X)\n`, { dialect, secrets: { X: '' } }),
            );
          }
        }
      }
    });
    expect(cpuMs).toBeLessThan(5_000);
  });
});

describe('findExpansions', () => {
  it('finds the same as the regular expression of python-dotenv', () => {
    const text = fc
      .array(fc.constantFrom('${', '$', '{', '}', ':', '-', ':-', 'a', '\n'), { maxLength: 14 })
      .map((all) => all.join(''));
    fc.assert(
      fc.property(text, (any) => {
        const matches = [...any.matchAll(/\$\{[^}:]*(?::-[^}]*)?\}/g)];
        const places = matches.map(({ index: start, 0: all }) => ({
          start,
          end: start + all.length,
        }));
        expect(findExpansions(any)).toEqual(places);
      }),
      { numRuns: 3_000 },
    );
  });
});

describe('any text, for any dialect', () => {
  it('is returned byte for byte, or refused, if it holds nothing that looks like a reference', () => {
    fc.assert(
      fc.property(fileText, fc.constantFrom(...dialects), (text, dialect) => {
        fc.pre(!/(?:secret|enc)[ \t]*\(/i.test(text));
        const content = unlessRefused(() => contentOf(text, { mode: 'expand', dialect }));
        expect(content ?? text).toBe(text);
      }),
      { numRuns: 2_000 },
    );
  });

  it('causes errors only on lines that the vault writes, never on lines that it keeps', () => {
    fc.assert(
      fc.property(fileText, fc.constantFrom(...dialects), (text, dialect: Dialect) => {
        const file = parseFile(text);
        const written = new Set(file.lines.filter((_, index) => index % 2 === 0));
        const kept = new Set(file.lines.filter((one) => !written.has(one)));
        for (const refused of writerOf(dialect).refuse(file, written, kept).keys()) {
          expect(refused.kind).toBe('assignment');
          expect(written.has(refused)).toBe(true);
        }
      }),
      { numRuns: 1_000 },
    );
  });
});

describe.each(['node', 'dotenv'] as const)('a value written for the dialect %s', (dialect) => {
  const written = (values: readonly string[], template: string) => {
    const kept = new Map<string, string>();
    const text = values.map((any, index) => {
      const one = template.replace('KEY', `K${index}`);
      const options = { mode: 'expand', dialect, secrets: { X: any } } as const;
      const content = unlessRefused(() => contentOf(one, options));
      if (content !== undefined) kept.set(`K${index}`, any);
      return `${content ?? '# refused'}\nZ${index}=1\n`;
    });
    for (const index of values.keys()) kept.set(`Z${index}`, '1');
    return { text: text.join(''), expected: sorted(kept) };
  };
  const sorted = (map: ReadonlyMap<string, string>) =>
    [...map].sort(([a], [b]) => (a < b ? -1 : 1));

  it('is read back exactly by Node and npm dotenv, and dotenv-expand does not change it if it is for dotenv', () => {
    fc.assert(
      fc.property(
        fc.array(value, { minLength: 20, maxLength: 30, size: 'max' }),
        line,
        (values, template) => {
          const { text, expected } = written(values, template);
          for (const [, read] of nodeReaders) expect(sorted(read(text))).toEqual(expected);
          if (dialect === 'node') return;
          const expanded = new Map(readWithExpand(text, { a: 'x', n: 'x' }));
          for (const key of ['a', 'n']) expanded.delete(key);
          expect(sorted(expanded)).toEqual(expected);
        },
      ),
      { numRuns: 60 },
    );
  });

  it('reaches a process started by node --env-file', () => {
    const values = fc.sample(value, { numRuns: 200 });
    const { text, expected } = written(values, 'KEY=secret(X) # c');
    const [found = new Map()] = readWithNodeProcess([text]);
    for (const [key, any] of expected) expect([key, found.get(key)]).toEqual([key, any]);
  });
});

describe('dotenv-expand', () => {
  it('would run commands in certain values, so the vault refuses these values', () => {
    expect(readWithExpand("A='$(echo ran)'\n").get('A')).toBe('ran');
    expect(readWithExpand("B=1\nA='$B \\$'\n").get('A')).toBe('1 $');
    for (const value of ['$(echo ran)', '$B', '\\$']) {
      expect(unlessRefused(() => plan('A=secret(X)\n'))).toBeDefined();
      const work = () => contentOf('A=secret(X)\n', { dialect: 'dotenv', secrets: { X: value } });
      expect(unlessRefused(work)).toBeUndefined();
    }
  });

  it('would run a command that a line joins from several values, so the vault refuses the values or the line', () => {
    const run = (text: string) => readWithExpand(text).get('A');
    expect(run("U='app$'\nD='(echo ran)'\nA=x$U$D\n")).toBe('xappran');
    expect(run("D=$\nB='(echo ran)'\nA=$D$B\n")).toBe('ran');
    expect(run(`B='(echo ran)'\nA=\${X:-$}$B\n`)).toBe('ran');
    expect(run(`B='$}(echo ran)'\nA=\${X:-\${B}}\n`)).toBe('ran}');
    expect(run("B='pa$$'\nA=x$B\n")).toBe('xpa$');
    const hidden = `B='(echo ran)'\nE='\\'\nK="'\nF=$\nA=$F$B\n"\n`;
    expect(run(hidden)).toBe('ran');
    const text = 'U=secret(X)\nA=x$U$B\n';
    const options = { mode: 'expand', dialect: 'dotenv', secrets: { X: 'app$' } } as const;
    expect(unlessRefused(() => contentOf(text, options))).toBeUndefined();
  });
});
