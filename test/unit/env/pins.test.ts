import { describe, expect, it } from '@jest/globals';
import { parseFile } from '../../../functions/env/grammar.ts';
import { findPins, replaceParts } from '../../../functions/env/pins.ts';
import { scanFile } from '../../../functions/env/references.ts';
import { renderFile } from '../../../functions/env/render.ts';
import { faultsOf, plan, refusal, render } from '../../support/env-runs.ts';

const secrets = { X: 'x', 'X@2': 'x2', Y: 'y' };
const pinTo = { X: 3, Y: 12 };
// Uses json because that dialect can pin every file. shell would refuse a file that bash misreads.
const pinned = (content: string) =>
  render(content, { mode: 'expand', dialect: 'json', secrets, pinTo }).pinned;

describe('a pinned file', () => {
  it('equals the submitted file if that has no references, and is returned only on request', () => {
    expect(pinned('A=1 # c')).toBe('A=1 # c');
    expect(render('A=secret(X)\n', { mode: 'expand', secrets })).not.toHaveProperty('pinned');
  });

  it('is still a .env file in the dialect json', () => {
    const options = { mode: 'expand', secrets, pinTo, dialect: 'json' } as const;
    expect(render('# c\nA=secret(X)\n', options)).toMatchObject({
      content: '{"A":"x"}',
      pinned: '# c\nA=secret(X@3)\n',
    });
  });

  it('differs in its secret() references only', () => {
    const text = 'A=secret(N)-enc(N)-Secret(N)-\\secret(N)-secret(N)\n';
    const pins = findPins(scanFile(parseFile(text)).lines, () => ({ version: 2 }));
    expect(replaceParts(text, pins)).toBe(text.replace(/(?<=[=-]secret\(N)/g, '@2'));
  });

  it('causes the error internal if the version of a reference is missing', () => {
    const work = () => render('A=secret(X)\n', { mode: 'expand', secrets, pinTo: { Y: 1 } });
    expect(refusal(work).code).toBe('internal');
  });
});

describe('the values of pinned references', () => {
  it('are those of their versions, even next to the current value of the same name', () => {
    const text = 'A=secret(X)-secret(X@2)-secret(X)\n';
    expect(render(text, { mode: 'expand', secrets }).content).toBe('A=x-x2-x\n');
  });

  it('cause an error at the column of their own reference if they cannot be represented', () => {
    const broken = { X: 'x', 'X@2': new Uint8Array([0xff]), N: 'n' };
    const text = 'A=secret(X)-secret(X@2)\n';
    const work = () => render(text, { mode: 'expand', secrets: broken });
    expect(faultsOf(work)).toEqual(['1:13 not_representable']);
    const tricky = { X: 'x', 'X@2': 'secret(B@1)' };
    const later = `${text}N=enc(N)\n`;
    const submit = () => render(later, { values: { N: 'n' }, secrets: tricky });
    expect(faultsOf(submit)).toEqual(['1:13 nested_reference']);
  });
});

describe('the size of a pinned file', () => {
  const utf8 = new TextEncoder();
  const versions = new Map([['X', { version: 12 }]]);
  const values = (bytes: number) => new Map([['X', utf8.encode('x'.repeat(bytes))]]);

  it('is at most 262,144 bytes, so that it can be submitted again', () => {
    const render = (length: number) => {
      const file = `A=secret(X)\n#${'é'.repeat((length - 13) / 2)}`;
      return renderFile(plan(file, { mode: 'expand' }), values(1), 'json', versions).pinned ?? '';
    };
    expect(utf8.encode(render(262_141)).length).toBe(262_144);
    expect(refusal(() => render(262_143))).toEqual({ code: 'too_large', limit: 262_144 });
  });
});
