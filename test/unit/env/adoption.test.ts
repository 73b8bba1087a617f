import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  findChangedKeys,
  findHeldValues,
  planAdoption,
  proposeKeys,
} from '../../../functions/env/adoption.ts';
import { readFile } from '../../../functions/env/agreement.ts';
import type { TextDialect } from '../../../functions/env/dialects/dialect.ts';
import { silenceDuplicates } from '../../../functions/env/duplicates.ts';
import { fileText } from '../../support/env-files.ts';
import { contentOf, unlessRefused } from '../../support/env-runs.ts';
import { nodeReaders } from '../../support/node-readers.ts';

const adopt = (content: string, keys: readonly string[], dialect: TextDialect = 'shell') =>
  planAdoption(content, { keys, nameOf: (key) => `app.${key}`, dialect });

describe('planAdoption', () => {
  it.each<[string, TextDialect, string, string, Record<string, string>]>([
    ['a bare value', 'shell', 'A=1\n', 'A=secret(app.A)\n', { A: '1' }],
    [
      'the rest of the file, its byte order mark and its line ends',
      'python',
      '\uFEFF# a\r\n\r\n export A = "x\\n" # c\r\nB=1',
      '\uFEFF# a\r\n\r\n export A=secret(app.A) # c\r\nB=1',
      { A: 'x\n' },
    ],
    [
      'a value of several lines',
      'node',
      `A='x\ny'\nB=2\n`,
      'A=secret(app.A)\nB=2\n',
      { A: 'x\ny' },
    ],
    [
      'what docker reads, quotes and comment',
      'docker',
      `A='x' # c\n`,
      'A=secret(app.A)\n',
      {
        A: `'x' # c`,
      },
    ],
    ['what python reads', 'python', `A='\\\\x'\n`, 'A=secret(app.A)\n', { A: '\\x' }],
    [
      'a value that another line refers to',
      'compose',
      'A=x\nB=$A\n',
      'A=secret(app.A)\nB=$A\n',
      {
        A: 'x',
      },
    ],
  ])('preserves %s (%s)', (_, dialect, old, content, values) => {
    const plan = adopt(old, ['A'], dialect);
    expect(plan).toMatchObject({ content, errors: [], kept: [], unfit: [] });
    expect(Object.fromEntries(plan.secrets.map(({ key, value }) => [key, value]))).toEqual(values);
    expect(plan.secrets.map(({ name }) => name)).toEqual(['app.A']);
  });

  it('leaves references and empty values alone', () => {
    const old = 'A=secret(X)\nC=\nD=1\n';
    expect(adopt(old, ['A', 'C', 'D', 'E'])).toMatchObject({
      content: 'A=secret(X)\nC=\nD=secret(app.D)\n',
      ...{ kept: ['A', 'C'], unfit: [], plain: [], errors: [] },
    });
  });

  it('lists the keys that stay in plain text, except references and empty values', () => {
    const old = 'A=1\nB=2\nC=secret(X)\nD=\nE="x secret(X)"\nF=it\nG=\\secret(X)\n';
    expect(adopt(old, ['A']).plain).toEqual(['B', 'F', 'G']);
    expect(adopt(adopt(old, ['A']).content, []).plain).toEqual(['B', 'F', 'G']);
  });

  it.each<[string, TextDialect, string, string, object]>([
    [
      'that its reader reads differently from the vault',
      'shell',
      'B=1\nA=$x\n',
      'B=secret(app.B)\nA=$x\n',
      { line: 2, column: 3, code: 'reader_disagrees', dialect: 'shell' },
    ],
    [
      'on a line that ends in CRLF',
      'shell',
      'A=1\r\nB=1\n',
      'A=1\r\nB=secret(app.B)\n',
      { line: 1, code: 'reader_disagrees', reason: 'carriage_return' },
    ],
    [
      'that cannot be written for its reader',
      'dotenv',
      'B=1\nA=x$(y\n',
      'B=secret(app.B)\nA=x$(y\n',
      { line: 2, column: 3, code: 'not_representable', dialect: 'dotenv', reason: 'expansion' },
    ],
    [
      'that python expands',
      'python',
      `B=1\nA=\${x}\n`,
      `B=secret(app.B)\nA=\${x}\n`,
      { line: 2, column: 3, code: 'reader_disagrees', dialect: 'python' },
    ],
    [
      'that python ends elsewhere',
      'python',
      "B=1\nA='it\\' # '\n",
      "B=secret(app.B)\nA='it\\' # '\n",
      { line: 2, column: 3, code: 'reader_disagrees', dialect: 'python' },
    ],
    [
      'that holds a reference for its reader',
      'docker',
      'B=1\nA=x # secret(X)\n',
      'B=secret(app.B)\nA=x # secret(X)\n',
      { line: 2, column: 3, code: 'reader_disagrees', dialect: 'docker' },
    ],
    [
      'that holds an escaped reference',
      'shell',
      'B=1\nA="a \\\\secret(X)"\n',
      'B=secret(app.B)\nA="a \\\\secret(X)"\n',
      { line: 2, column: 8, code: 'escaped_reference' },
    ],
  ])('does not adopt a value %s, but adopts the other value', (_, dialect, old, content, fault) => {
    const plan = adopt(old, ['A', 'B'], dialect);
    expect(plan).toMatchObject({ content, errors: [], plain: [] });
    expect(plan.unfit).toEqual([expect.objectContaining({ key: 'A', ...fault })]);
    expect(plan.secrets.map(({ key }) => key)).toEqual(['B']);
  });

  it('does not adopt values after a line whose end the reader may see elsewhere, and names that line', () => {
    const plan = adopt("D='1\n2'\nA='1\n2'\nB=it's\nC=2\n", ['C', 'A', 'B']);
    const content = "D='1\n2'\nA=secret(app.A)\nB=it's\nC=2\n";
    expect(plan).toMatchObject({ content, errors: [] });
    expect(plan.unfit).toEqual([
      expect.objectContaining({ key: 'B', line: 5, code: 'reader_disagrees' }),
      expect.objectContaining({ key: 'C', line: 6, reason: 'other_line', causeLine: 5 }),
    ]);
  });

  it('names the values that it does not adopt in the order of the file', () => {
    const { unfit } = adopt('A=$x\nB=\\secret(X)\nC=$x\n', ['C', 'B', 'A']);
    expect(unfit.map(({ key }) => key)).toEqual(['A', 'B', 'C']);
  });

  it('lists what stays in plain text without an error if it changes nothing, even if the file could not be expanded', () => {
    const old = "C=1\nA=it's\nB=secret(X)\n";
    expect(adopt(old, ['B'])).toMatchObject({ content: old, plain: ['C', 'A'], errors: [] });
    expect(adopt(old, ['C']).errors).toEqual([expect.objectContaining({ line: 3, causeLine: 2 })]);
  });

  it('changes nothing in a file without a value that can be adopted', () => {
    const old = "A='1'\nB='2\n3'\nC=1\nC=2\n";
    const unfit = [expect.objectContaining({ key: 'A', reason: 'other_line', causeLine: 2 })];
    expect(adopt(old, ['A'], 'docker')).toMatchObject({ content: old, silenced: [], unfit });
  });

  it.each<[string, TextDialect, string, object]>([
    ['an error', 'shell', 'B=1\nB=$B\nA=1\n', { line: 2, column: 1, code: 'duplicate_key' }],
    [
      'a comment that its reader may take for a key',
      'node',
      "A='x'\n # b=\n",
      { line: 2, column: 1, code: 'reader_disagrees', dialect: 'node' },
    ],
  ])('plans nothing for a file with %s', (_, dialect, old, error) => {
    const plan = adopt(old, ['A'], dialect);
    expect(plan).toMatchObject({ content: old, secrets: [], silenced: [] });
    expect(plan.errors).toEqual([expect.objectContaining(error)]);
  });

  const keysIn = (text: string) => [...(nodeReaders[0]?.[1](text) ?? new Map()).keys()];

  it('gives Node and npm dotenv the same value for each key as before, or plans nothing', () => {
    let adopted = 0;
    fc.assert(
      fc.property(fileText, (text) => {
        fc.pre(!/(?:secret|enc)[ \t]*\(/i.test(text));
        for (const key of keysIn(text)) {
          const plan = unlessRefused(() => adopt(text, [key], 'node'));
          if (plan === undefined || plan.errors.length > 0 || plan.secrets.length === 0) continue;
          const secrets = Object.fromEntries(plan.secrets.map(({ name, value }) => [name, value]));
          const expanded = contentOf(plan.content, { mode: 'expand', dialect: 'node', secrets });
          for (const [, read] of nodeReaders) {
            expect([...read(expanded)].sort()).toEqual([...read(text)].sort());
          }
          adopted += 1;
        }
      }),
      { numRuns: 5_000 },
    );
    expect(adopted).toBeGreaterThan(50);
  });
});

describe('findChangedKeys', () => {
  it('names keys with another value, keys that are gone, and changed lines whose value is uncertain', () => {
    const before = readFile(`A=1\nB=2\nC=3\nD=$X\nE=$X\nF=secret(Y)\n`);
    const after = `A='1'\nB=3\nD=$X\nE="$X"\nF=y\n`;
    expect(findChangedKeys(before, after, 'shell')).toEqual(['B', 'C', 'E']);
  });
});

describe('findHeldValues', () => {
  it('finds comments and other keys that still hold an adopted value of at least 8 bytes', () => {
    const old = `# was hunter2!\nA=hunter2!\nB="x\\nhunter2!"\nC=short\n# short\nD=other\n`;
    const adoption = adopt(old, ['A', 'C'], 'node');
    expect(findHeldValues(adoption).map(({ line }) => line)).toEqual([1, 3]);
  });

  it('finds an adopted value that is spelled differently under another key', () => {
    const adoption = adopt(`A='a"b-long'\nB="a\\"b-long"\n`, ['A'], 'python');
    expect(adoption.content).toContain('B="a\\"b-long"');
    expect(findHeldValues(adoption).map(({ line }) => line)).toEqual([2]);
  });
});

describe('silenceDuplicates', () => {
  it.each([
    ['of one line', 'A=1\nB=1\nA=2\nA=3\n', '# A=1\nB=1\n# A=2\nA=3\n', [1, 3]],
    [
      'of several lines with CRLF',
      'A="x\r\n\r\ny" # c\r\nA=2\r\n',
      '# A="x\r\n# \r\n# y" # c\r\nA=2\r\n',
      [1],
    ],
    ['after a byte order mark', '\uFEFF export A=1\nA=2', '\uFEFF#  export A=1\nA=2', [1]],
  ])('turns overridden assignments into comments: %s', (_, old, content, lines) => {
    const found = silenceDuplicates(old);
    expect(found.content).toBe(content);
    expect(found.silenced).toEqual(lines.map((line) => ({ key: 'A', line })));
    expect(readFile(content).errors).toEqual([]);
  });

  it.each([
    ['no duplicate key', 'A=1\nB=2\n'],
    ['a line that may refer to the earlier value', `A=1\nB=\${A}x\nA=2\n`],
    ['a line that refers to the earlier value without braces', 'A=1\nB=$A\nA=2\n'],
    ['a command that may use the earlier value', 'A=1\nB="$(printenv A)"\nA=2\n'],
    ['a command in backticks', 'A=1\nB=`printenv A`\nA=2\n'],
    ['an error other than a duplicate key', 'A=1\nA=2\nB C\n'],
  ])('changes nothing in a file with %s', (_, old) => {
    expect(silenceDuplicates(old)).toEqual({ content: old, silenced: [] });
  });
});

describe('proposeKeys', () => {
  it('decides by the name and the last value of each key, and skips references and empty values', () => {
    const file =
      'HOST=db\nKEY=x\nURL=x://h\nURL=postgres://u:p@h/d\nNONE_KEY=\nOLD_KEY=secret(X)\nNEW_KEY=\\secret(X)\n';
    expect(proposeKeys(file)).toEqual(['KEY', 'URL', 'NEW_KEY']);
  });
});
