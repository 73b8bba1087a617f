import { describe, expect, it } from '@jest/globals';
import {
  statesOfAnswer,
  statesOfRefusal,
} from '../../../cli/console/page/workbench/name-states.ts';
import { planFile } from '../../../functions/env/plan.ts';

const content = 'N=1\nA=enc(N)\nB="é secret(X) secret(X@2)"\nC=secret(Y)\nD="enc(M)"\n';
const plan = planFile({ content, values: new Map([['M', '2']]), dialect: 'shell', mode: 'submit' });
const errors = {
  taken: { line: 5, column: 4, code: 'secret_exists', name: 'M' },
  missing: { line: 3, column: 16, code: 'not_found', name: 'X' },
  mismatched: { line: 3, column: 16, code: 'pin_mismatch', name: 'X' },
  destroyed: { line: 3, column: 16, code: 'version_destroyed', name: 'X' },
};
const told = (states: ReturnType<typeof statesOfRefusal>) =>
  Object.fromEntries(
    [...states].map(([name, { text, isWanted }]) => [name, `${isWanted ? '+' : '-'} ${text}`]),
  );

describe('the states of names in the env view', () => {
  it('show the versions after an answer', () => {
    const answer = {
      created: [
        { name: 'N', version: 1 },
        { name: 'M', version: 4 },
      ],
      resolved: [
        { name: 'X', version: 5 },
        { name: 'X', version: 2 },
        { name: 'Y', version: 1 },
      ],
    };
    const found = {
      'secret(X)': '+ exists, version 5',
      'secret(X@2)': '+ exists, version 2',
      'secret(Y)': '+ exists, version 1',
    };
    expect(told(statesOfAnswer(plan, answer, true))).toEqual({
      ...found,
      'enc(N)': '+ would become version 1',
      'enc(M)': '+ would become version 4',
    });
    expect(told(statesOfAnswer(plan, answer, false))).toMatchObject({
      ...found,
      'enc(M)': '+ stored as version 4',
    });
  });

  it('distinguish existing from new names after a conflict, and leave out names that are only read', () => {
    expect(told(statesOfRefusal(plan, { errors: [errors.taken] }))).toEqual({
      'enc(N)': '+ new',
      'enc(M)': '- exists already',
    });
  });

  it.each([
    ['missing', errors.missing],
    ['of another history', errors.mismatched],
    ['destroyed', errors.destroyed],
  ])('mark only the one reference that is %s', (text, error) => {
    expect(told(statesOfRefusal(plan, { errors: [error] }))).toEqual({
      'enc(N)': '+ new',
      'enc(M)': '+ new',
      'secret(X)': '+ exists',
      'secret(X@2)': `- ${text}`,
      'secret(Y)': '+ exists',
    });
  });

  it('distinguish next versions from new names', () => {
    const values = new Map(['N', 'M', 'O'].map((name) => [name, '1']));
    const both = 'A="enc(N) enc(M@next) enc(O@next)"\n';
    const next = planFile({ content: both, values, dialect: 'shell', mode: 'encrypt' });
    const created = [
      { name: 'N', version: 1 },
      { name: 'M', version: 4 },
      { name: 'O', version: 2 },
    ];
    expect(told(statesOfAnswer(next, { created, resolved: [] }, false))).toEqual({
      'enc(N)': '+ stored as version 1',
      'enc(M@next)': '+ stored as version 4',
      'enc(O@next)': '+ stored as version 2',
    });
    const missing = { line: 1, column: 11, code: 'not_found', name: 'M' };
    expect(told(statesOfRefusal(next, { errors: [missing] }))).toEqual({
      'enc(N)': '+ new',
      'enc(M@next)': '- missing',
      'enc(O@next)': '+ exists',
    });
    const taken = { line: 1, column: 4, code: 'secret_exists', name: 'N' };
    const states = told(statesOfRefusal(next, { errors: [taken] }));
    expect(states).toEqual({ 'enc(N)': '- exists already' });
  });

  it.each([
    ['without errors', {}],
    [
      'for a line that cannot hold a value',
      { errors: [{ line: 3, column: 6, code: 'not_representable' }] },
    ],
  ])('stay unknown after a refusal %s', (_, problem) => {
    expect(statesOfRefusal(plan, problem).size).toBe(0);
  });
});
