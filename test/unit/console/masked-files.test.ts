import { describe, expect, it } from '@jest/globals';
import { maskedInput, maskedResult } from '../../../cli/console/page/workbench/masked-files.ts';
import type { Dialect } from '../../../functions/env/dialects/dialect.ts';
import { planFile } from '../../../functions/env/plan.ts';

const planOf = (
  content: string,
  mode: 'encrypt' | 'expand' | 'submit',
  dialect: Dialect = 'shell',
) => planFile({ content, values: new Map(), dialect, mode });

describe('a masked input', () => {
  it('hides each value that enc() stores, and nothing else', () => {
    const content = 'A="hunter2"\nB=other # c\nC=secret(X)\nexport D=enc(A)-enc(B)\nE=other\n';
    expect(maskedInput(planOf(content, 'encrypt'))).toBe(
      'A="••••••••"\nB=•••••••• # c\nC=secret(X)\nexport D=enc(A)-enc(B)\nE=other\n',
    );
  });
});

describe('a masked result', () => {
  it.each([
    ['shell', 'A="u:secret(X)@h" # c\nB=2\n', 'A=u:••••••••@h # c\nB=2\n'],
    ['docker', 'A=secret(X) # c\n', '# c\nA=••••••••\n'],
    ['json', '# c\nA=secret(X)secret(Y@2)\nB=2\n', '{"A":"••••••••••••••••","B":"2"}'],
    ['dotenv', 'A="a secret(X)"\r\n', `A='a ••••••••'\r\n`],
  ] as const)('for %s shows masks in place of the values', (dialect, content, expected) => {
    expect(maskedResult(planOf(content, 'expand', dialect))).toBe(expected);
  });

  it('keeps references that are expanded later', () => {
    expect(maskedResult(planOf('N=1\nA=enc(N)-secret(X)\n', 'submit'))).toBe(
      `N=secret(N)\nA='secret(N)-••••••••'\n`,
    );
  });

  it('shows a value that is not secret, even the word masked', () => {
    expect(maskedResult(planOf('A=masked\nB=secret(X)\n', 'expand'))).toBe(
      'A=masked\nB=••••••••\n',
    );
  });

  it('is undefined if a parser of its dialect would read a mask as something else', () => {
    expect(maskedResult(planOf('A="$secret(X)"\n', 'expand', 'dotenv'))).toBeUndefined();
  });
});
