import { describe, expect, it } from '@jest/globals';
import { spansBetween } from '../../../cli/console/page/workbench/coloured-spans.ts';
import { parseFile } from '../../../functions/env/grammar.ts';

const coloured = (text: string): string[] =>
  spansBetween(parseFile(text), 0, text.length)
    .filter(({ kind }) => kind !== 'plain')
    .map(({ kind, start, end }) => `${kind} ${text.slice(start, end)}`);

describe('the colours of a text', () => {
  it.each([
    ['# a comment', ['comment # a comment']],
    [' export A=1 # c', ['key A', 'value 1', 'comment # c']],
    ['A=secret(X)', ['key A', 'secret secret(X)']],
    ["A='x-secret(X@3)-y'", ['key A', 'value x-', 'secret secret(X@3)', 'value -y']],
    ['A="\\"enc(X)\\n"', ['key A', 'value \\"', 'enc enc(X)', 'value \\n']],
    ['A=enc(X@next)', ['key A', 'enc enc(X@next)']],
    ['A=secret(X@next)', ['key A', 'malformed secret(', 'value X@next)']],
    ['A=Secret(X)', ['key A', 'malformed Secret(', 'value X)']],
    ['A=enc(X@1)', ['key A', 'malformed enc(', 'value X@1)']],
    ['A=\\secret(X)', ['key A', 'value \\', 'text secret(', 'value X)']],
    ['A="secret\\t(X)"', ['key A', 'malformed secret\\t(', 'value X)']],
    ['no sign', ['unreadable no sign']],
    ['A=1\nB="x\ny', ['key A', 'value 1', 'unreadable B="x\ny']],
    ['\uFEFFA=1', ['key A', 'value 1']],
    ['# secret(X)', ['comment # secret(X)']],
  ])('of %j match the grammar', (text, expected) => {
    expect(coloured(text)).toEqual(expected);
  });

  it('include each well-formed reference as it is written', () => {
    const text = 'A=secret(X)enc(Y)"secret(Z@12)Secret(X)enc(W@next)';
    const spans = spansBetween(parseFile(text), 0, text.length);
    const references = spans.flatMap(({ reference }) => reference ?? []);
    expect(references).toEqual(['secret(X)', 'enc(Y)', 'secret(Z@12)', 'enc(W@next)']);
  });
});
