import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { shell } from '../../../functions/env/dialects/shell.ts';
import { parseFile } from '../../../functions/env/grammar.ts';
import { anyCharacter } from '../../support/characters.ts';
import { contentOf, plan, unlessRefused } from '../../support/env-runs.ts';
import { cpuMsOf } from '../../support/growth.ts';
import { itIn } from '../../support/needs.ts';
import { isForShellsOnly, readWithShell, shells, shellsHere } from '../../support/shells.ts';

const character = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.constantFrom(...`'"\\$\`!#~ \t\n\r;&|<>()[]{}*?=^%a1é😀\u00a0\u2028`),
  },
  { weight: 1, arbitrary: fc.integer({ min: 1, max: 0x7f }).map((n) => String.fromCharCode(n)) },
  { weight: 1, arbitrary: fc.string({ unit: anyCharacter, minLength: 1, maxLength: 1 }) },
);
const value = fc
  .array(character, { maxLength: 12 })
  .map((all) => all.join('').replaceAll('\0', ''));

/** Forms of the line whose value is replaced. */
const template = fc.constantFrom(
  'KEY=x',
  `\t export  KEY \t= 'x' \t# it's`,
  'KEY="\n"',
  ' KEY = x   ',
  'KEY=x # "$(',
);

/** Single characters, alone, between others, and next to quotes that a shell could misread. */
const plainValues = Array.from({ length: 0x7f }, (_, n) => String.fromCharCode(n + 1)).flatMap(
  (one) => [one, `a${one}b`, `${one}'`, `'${one}`, `${one}${one}'"`],
);

describe('a value written for a shell', () => {
  const expectReadBack = (values: readonly string[], lines: readonly string[]) => {
    const written = values.map((any, index) => {
      const template = lines[index % lines.length] ?? '';
      const [line] = parseFile(template.replace('KEY', `K${index}`)).lines;
      if (line?.kind !== 'assignment') throw new Error('a template is no assignment');
      return shell.write({ ...line, eol: '\n' }, any) ?? '';
    });
    const text = written.join('');
    const forGrammar = values.map((any) => !isForShellsOnly(any));
    const { lines: read, errors } = parseFile(written.filter((_, at) => forGrammar[at]).join(''));
    expect(errors).toEqual([]);
    const decoded = read.map((line) => (line.kind === 'assignment' ? line.value.decoded : line));
    expect(decoded).toEqual(values.filter((_, at) => forGrammar[at]));
    const keys = values.map((_, index) => `K${index}`);
    for (const name of shellsHere) {
      for (const locale of ['C.UTF-8', 'C']) {
        const read = readWithShell(name, [{ text, keys }], locale);
        expect({ name, locale, read }).toEqual({ name, locale, read: [values] });
      }
    }
  };

  // Shows G10.
  it('is read back exactly by every shell here and by the grammar, between arbitrary other lines', () => {
    const many = fc.array(value, { minLength: 400, maxLength: 500, size: 'max' });
    const lines = fc.array(template, { minLength: 1, maxLength: 9 });
    fc.assert(fc.property(many, lines, expectReadBack), { numRuns: 6, endOnFailure: true });
  });

  it('is read back exactly for every ASCII character in every position', () => {
    expectReadBack(plainValues, ['KEY=x']);
  });

  it('is read back exactly if it looks like a path, a command or a pattern', () => {
    const parts = ['=', ':=', '~', ':~', '/', 'ls', '*', '[a]', '?', '^', '#', '{a,b}', '!', '(e)'];
    const values = parts.flatMap((one) =>
      parts.flatMap((other) => [one + other, `x${one}${other}`, `${one}x:${other}`]),
    );
    expectReadBack([...values, 'x:=ls', 'a=b:=ls'], ['KEY=x', 'export KEY=x']);
  });

  it('is read back exactly at the maximum length of a value', () => {
    const long = [`'"\\$\`\n`.repeat(10_922), 'x'.repeat(65_536), '\n'.repeat(65_536)];
    expectReadBack(long, ['KEY=x']);
  });
});

/**
 * Texts that a shell may misread. They contain no command that exists, and nothing that makes the
 * shell exit. `_` stands for a space.
 */
const shellText = fc
  .array(
    fc.constantFrom(
      ...`a b 1 if _if_ do _time_ = B= _ __ \t # _# / ' ' " " \\ \\ \` $ $( $(( \${ } ) ( $B \${B}
      \${B:-a} $(a) \`a\` ; & | < > << ~ {a,b} * [ ] ! ^ : % , . - + @ é \u00a0 \u2003 \u0001 \u007f $\u0001 _{_
      \\n \\$ \\" \\\\ := =a ~a repeat_2_ foreach_`
        .split(/[ \n]+/)
        .map((piece) => piece.replaceAll('_', ' ')),
    ),
    { maxLength: 7 },
  )
  .map((all) => all.join(''));
const head = fc.constantFrom('A=', 'A=', 'A=', 'A="', "A='", 'A = ', 'export A=', ' A= ', 'if =');
const tail = fc.constantFrom('', '', '', '"', "'", ' # c', '\r');
const foreignLine = fc.tuple(head, shellText, tail).map((all) => all.join(''));

describe('an unchanged line', () => {
  /**
   * Shells and the grammar read only a few random lines the same way. The other lines may have any
   * effect.
   */
  const samples = fc.sample(foreignLine, { numRuns: 3_000 });

  for (const name of shells) {
    itIn(name)(`is read by ${name} as the grammar reads it if there is no warning`, () => {
      const agreed = samples.flatMap((line) => {
        const text = `${line}\nZ='1'\n`;
        const file = parseFile(text);
        const [first] = file.lines;
        if (file.errors.length > 0 || first?.kind !== 'assignment') return [];
        return shell.disagrees(file, first) ? [] : [{ text, value: first.value.decoded }];
      });
      expect(agreed.length).toBeGreaterThan(150);
      const readings = agreed.map(({ text }) => ({ text, keys: ['A', 'Z'] }));
      const read = readWithShell(name, readings);
      const isWrong = ({ value: expected }: { readonly value: string }, index: number) =>
        JSON.stringify(read[index]) !== JSON.stringify([expected, '1']);
      expect(agreed.filter(isWrong)).toEqual([]);
    });
  }

  describe('before an accepted resolved value', () => {
    const secret = `it's "$x" \`y\` \\\n)}; #`;
    const rendered = samples.flatMap((line) => {
      const text = `${line}\nT=secret(X)\n`;
      return unlessRefused(() => contentOf(text, { secrets: { X: secret } })) ?? [];
    });
    const readings = rendered.map((text) => ({ text, keys: ['T'] }));

    it('lets bash read the value exactly', () => {
      expect(rendered.length).toBeGreaterThan(500);
      const read = readWithShell('bash', readings);
      expect(rendered.filter((_, index) => read[index]?.[0] !== secret)).toEqual([]);
    });

    for (const name of shells) {
      itIn(name)(`lets ${name} read the value exactly or not at all`, () => {
        const read = readWithShell(name, readings);
        const isWrong = (value: string | undefined) => value !== undefined && value !== secret;
        expect(rendered.filter((_, index) => isWrong(read[index]?.[0]))).toEqual([]);
      });
    }
  });

  it('is checked in linear time', () => {
    const cpuMs = cpuMsOf(() => {
      for (const piece of ['a', ' ', "'", '"', '\\', '$', '`', '$(a)', ';a', 'a ', '${B', '<a']) {
        for (const quote of ['', '"']) {
          const line = `A=${quote}${piece.repeat(Math.floor(260_000 / piece.length))}${quote}\n`;
          const file = parseFile(line);
          const [first] = file.lines;
          if (first) shell.disagrees(file, first);
          if (first) shell.refuse(file, new Set(), new Set([first]));
        }
      }
    });
    expect(cpuMs).toBeLessThan(3_000);
  });
});

describe('a plan for a shell', () => {
  it('is made in linear time', () => {
    const cpuMs = cpuMsOf(() => {
      const pieces = ['secret(', 'enc ( ', 'secret ', '\\', '\\\\secret(', 'enc    ', 'secret(A)'];
      for (const piece of pieces) {
        const text = `A='${piece.repeat(Math.floor(260_000 / piece.length))}'\n`;
        unlessRefused(() => plan(text));
      }
    });
    expect(cpuMs).toBeLessThan(3_000);
  });
});
