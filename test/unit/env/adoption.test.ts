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
    [
      'a value that another line refers to',
      'compose',
      'A=x\nB=$A\n',
      'A=secret(app.A)\nB=$A\n',
      {
        A: 'x',
      },
    ],
  ])('keeps %s (%s)', (_, dialect, old, content, values) => {
    const plan = adopt(old, ['A'], dialect);
    expect(plan).toMatchObject({ content, errors: [], kept: [], missing: [] });
    expect(Object.fromEntries(plan.secrets.map(({ key, value }) => [key, value]))).toEqual(values);
    expect(plan.secrets.map(({ name }) => name)).toEqual(['app.A']);
  });

  it('leaves references and empty values as they are, and names keys that the file lacks', () => {
    const old = 'A=secret(X)\nB=\\secret(X)\nC=\nD=1\n';
    expect(adopt(old, ['A', 'B', 'C', 'D', 'E'])).toMatchObject({
      content: 'A=secret(X)\nB=\\secret(X)\nC=\nD=secret(app.D)\n',
      kept: ['A', 'B', 'C'],
      missing: ['E'],
      errors: [],
    });
  });

  it.each<[string, TextDialect, string, object]>([
    ['has an error', 'shell', 'B=1\nB=2\nA=1\n', { line: 2, column: 1, code: 'duplicate_key' }],
    [
      'has a value that its reader takes otherwise',
      'shell',
      "B=1\nA=it's\n",
      {
        ...{ line: 2, column: 3, code: 'reader_disagrees', dialect: 'shell' },
      },
    ],
    [
      'has a comment that its reader may take for a key',
      'node',
      "A='x'\n # b=\n",
      { line: 2, column: 1, code: 'reader_disagrees', dialect: 'node' },
    ],
    [
      'has a value that cannot be written for its reader',
      'dotenv',
      `B=1\nA=x$(y\n`,
      {
        ...{
          line: 2,
          column: 3,
          code: 'not_representable',
          dialect: 'dotenv',
          reason: 'expansion',
        },
      },
    ],
    [
      'has a line in which the reader would find a value',
      'docker',
      "A='1'\nB='2\n3'\n",
      {
        ...{ line: 1, column: 3, code: 'not_representable', reason: 'other_line' },
      },
    ],
  ])('plans nothing for a file that %s', (_, dialect, old, error) => {
    expect(adopt(old, ['A'], dialect).errors).toEqual([expect.objectContaining(error)]);
  });

  const keysIn = (text: string) => [...(nodeReaders[0]?.[1](text) ?? new Map()).keys()];

  it('gives each key the same value to Node and npm dotenv as before, or plans nothing', () => {
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
  it('names a key with another value, a key that is gone, and a line that is not certain and differs', () => {
    const before = readFile(`A=1\nB=2\nC=3\nD=$X\nE=$X\nF=secret(Y)\n`);
    const after = `A='1'\nB=3\nD=$X\nE="$X"\nF=y\n`;
    expect(findChangedKeys(before, after, 'shell')).toEqual(['B', 'C', 'E']);
  });
});

describe('findHeldValues', () => {
  it('finds comments and other keys that still hold an adopted value of 8 bytes', () => {
    const old = `# was hunter2!\nA=hunter2!\nB="x\\nhunter2!"\nC=short\n# short\nD=other\n`;
    const { content, secrets } = adopt(old, ['A', 'C'], 'node');
    expect(findHeldValues(content, secrets).map(({ line }) => line)).toEqual([1, 3]);
  });

  it('finds an adopted value that another key spells differently', () => {
    const { content, secrets } = adopt(`A='a"b-long'\nB="a\\"b-long"\n`, ['A'], 'python');
    expect(content).toContain('B="a\\"b-long"');
    expect(findHeldValues(content, secrets).map(({ line }) => line)).toEqual([2]);
  });
});

describe('proposeKeys', () => {
  it('proposes by name, by a URL with a password, and by a private key, and no reference', () => {
    const secret = ['DB_PASSWORD', 'api_key', 'GITHUB_TOKEN', 'SECRET', 'PASS', 'AWS_CREDENTIALS'];
    const plain = ['DB_HOST', 'KEYBOARD', 'PASSWORD_MIN', 'SSH_PUBLIC_KEY', 'TOKENS'];
    const file = [...secret, ...plain].map((key) => `${key}=x\n`).join('');
    const more = `URL=postgres://u:p@h/d\nSITE=https://h:80/a@b\nPEM="-----BEGIN EC PRIVATE KEY-----\nx"\n`;
    const none = 'EMPTY_KEY=\nOLD_KEY=secret(X)\n';
    expect(proposeKeys(file + more + none)).toEqual([...secret, 'URL', 'PEM']);
  });
});
