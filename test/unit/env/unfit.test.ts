import { describe, expect, it } from '@jest/globals';
import { plan, refusal, render } from '../../support/env-runs.ts';

const errorsOf = (work: () => unknown) => refusal(work).errors;

describe('a line that cannot be written', () => {
  it('produces an error with position, key, dialect and reason, without the value', () => {
    const text = '# c\n  export KEY = "x-secret(X)"\n';
    const options = { mode: 'expand', dialect: 'docker', secrets: { X: 'hunter2\n' } } as const;
    expect(errorsOf(() => render(text, options))).toEqual([
      {
        line: 2,
        column: 19,
        code: 'not_representable',
        key: 'KEY',
        dialect: 'docker',
        reason: 'line_feed',
      },
    ]);
  });

  it('names the line that causes the error, for each affected line', () => {
    const text = `A=secret(X)\nB="a\nb"\nC='\n'\nD=secret(X)\n`;
    const entry = { code: 'not_representable', dialect: 'docker', reason: 'other_line' };
    const work = () => plan(text, { mode: 'expand', dialect: 'docker' });
    expect(errorsOf(work)).toEqual([
      { line: 1, column: 3, key: 'A', causeLine: 2, ...entry },
      { line: 6, column: 3, key: 'D', causeLine: 2, ...entry },
    ]);
  });

  it.each([
    ['shell', '\uFEFFA=secret(X)\n', 'byte_order_mark'],
    ['shell', 'A=secret(X)\r\n', 'carriage_return'],
    ['shell', 'UID=secret(X)\n', 'key'],
    ['shell', `B=it's\nA=secret(X)\n`, 'other_line'],
  ] as const)(
    'fails before any secret is read if its position is the reason: %s %j',
    (dialect, text, reason) => {
      expect(errorsOf(() => plan(text, { dialect }))).toMatchObject([{ reason, dialect }]);
    },
  );

  it('gives the reason not_utf8 if a secret is no text', () => {
    const secrets = { X: new Uint8Array([0xff]) };
    for (const dialect of ['shell', 'json'] as const) {
      const work = () => render('A=secret(X)\n', { dialect, secrets });
      expect(errorsOf(work)).toMatchObject([{ key: 'A', dialect, reason: 'not_utf8' }]);
    }
  });

  it('gives the reason expanded_later if a value would change a later reference', () => {
    const work = () =>
      render('A=secret(X)secret(Y)\nB="secret(X)enc(N)"\n', {
        values: { N: '1' },
        secrets: { X: '\\', Y: '' },
      });
    expect(errorsOf(work)).toMatchObject([{ line: 2, key: 'B', reason: 'expanded_later' }]);
  });
});
