import { describe, expect, it } from '@jest/globals';
import { type CheckInput, checkFile } from '../../../cli/console/page/workbench/file-check.ts';

const check = (content: string, some: Partial<CheckInput> = {}) =>
  checkFile({ content, values: new Map(), dialect: 'shell', mode: undefined, ...some });

describe('the check of a file in the page', () => {
  it.each([
    ['A=enc(X)\nB=secret(Y)', 'encrypt'],
    ['# enc(X)\nB=secret(Y)', 'expand'],
    ['', 'expand'],
    ['HOST=db', 'expand'],
    ['HOST=db\nA_KEY=x', 'adopt'],
    ['A_KEY=x\nB=secret(Y)', 'expand'],
  ] as const)('takes %j for a file to %s', (content, mode) => {
    expect(check(content).mode).toBe(mode);
  });

  it('reports the same faults as the vault, with their lines and columns', () => {
    const { plan, faults, faultsTotal, refusal } = check('A=1\nB\nC=Secret(X)');
    const told = faults.map(({ line, column, code }) => `${line}:${column} ${code}`);
    expect(told).toEqual(['2:1 missing_equals', '3:3 malformed_reference']);
    expect(faultsTotal).toBe(2);
    expect([plan, refusal]).toEqual([undefined, undefined]);
  });

  it.each([
    ['a name without an assignment', 'A=enc(X)', ['X']],
    ['a name whose own line is only its enc()', 'X=enc(X)', ['X']],
    ['a name whose own line is only its enc(NAME@next)', 'X=enc(X@next)', ['X']],
    ['no name whose value is in the file', 'X=1\nA=enc(X)', []],
    ['no name whose line holds another reference', 'X=secret(Y)\nA=enc(X)', []],
    ['no name whose line cannot be read', 'A=enc(X)\nX="1', []],
  ])('asks for the value of %s', (_, content, needed) => {
    expect(check(content, { mode: 'submit' }).needed).toEqual(needed);
  });

  it('asks for no value when the file is only expanded', () => {
    expect(check('A=enc(X)', { mode: 'expand' }).needed).toEqual([]);
  });

  it('sends only the typed values that the file needs', () => {
    const values = new Map([
      ['X', '1'],
      ['OLD', '2'],
    ]);
    const { plan, values: sent } = check('A=enc(X)', { values });
    expect([...sent]).toEqual([['X', '1']]);
    expect(plan?.create).toEqual([{ name: 'X', value: '1' }]);
  });

  it.each([
    [
      'A=enc(X)',
      { dialect: 'json', values: new Map([['X', '1']]) },
      'the dialect json needs a file that is not expanded later',
    ],
    ['#'.repeat(262_145), {}, 'the file has 262145 bytes, and the limit is 262144: split it'],
  ] as const)('says why the whole file is refused', (content, some, refusal) => {
    expect(check(content, some)).toMatchObject({ refusal, faults: [] });
  });
});
