import { describe, expect, it } from '@jest/globals';
import { renderFile } from '../../../functions/env/render.ts';
import { faultsOf, plan, refusal, render } from '../../support/env-runs.ts';
import { bodyBytesInResult } from '../../support/results.ts';

const secrets = { X: 'x', 'X@2': 'x2', Y: 'y' };
const pinTo = { X: 3, Y: 12 };
// The dialect json pins every file. The dialect shell would refuse a file that bash misreads.
const pinned = (content: string) =>
  render(content, { mode: 'expand', dialect: 'json', secrets, pinTo }).pinned;

describe('a pinned file', () => {
  it('adds the version after each name and changes nothing else', () => {
    const text = `\uFEFF# secret(X) kept\r\n\n export A = "\\"é😀\\n\\\\\\\\secret(X)\\tsecret(Y)"  # secret(X)\r\nB='1\nsecret(X)'\nC=secret(Y)`;
    expect(pinned(text)).toBe(
      `\uFEFF# secret(X) kept\r\n\n export A = "\\"é😀\\n\\\\\\\\secret(X@3)\\tsecret(Y@12)"  # secret(X)\r\nB='1\nsecret(X@3)'\nC=secret(Y@12)`,
    );
  });

  it('keeps pinned references and escaped references', () => {
    const text = `A='secret(X@2)secret(X) \\secret(X) \\\\\\Secret('\n`;
    expect(pinned(text)).toBe(`A='secret(X@2)secret(X@3) \\secret(X) \\\\\\Secret('\n`);
  });

  it('equals a submitted file without references, and is absent unless requested', () => {
    expect(pinned('A=1 # c')).toBe('A=1 # c');
    expect(render('A=secret(X)\n', { mode: 'expand', secrets })).not.toHaveProperty('pinned');
  });

  it('keeps the format of a .env file in the dialect json', () => {
    const options = { mode: 'expand', secrets, pinTo, dialect: 'json' } as const;
    expect(render('# c\nA=secret(X)\n', options)).toMatchObject({
      content: '{"A":"x"}',
      pinned: '# c\nA=secret(X@3)\n',
    });
  });

  it('fails if the version of a reference is missing', () => {
    const work = () => render('A=secret(X)\n', { mode: 'expand', secrets, pinTo: { Y: 1 } });
    expect(refusal(work).code).toBe('internal');
  });
});

describe('the values of pinned references', () => {
  it('come from their versions, next to the current value of the same name', () => {
    const text = 'A=secret(X)-secret(X@2)-secret(X)\n';
    expect(render(text, { mode: 'expand', secrets }).content).toBe('A=x-x2-x\n');
  });

  it('report an unrepresentable value at the column of its own reference', () => {
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

describe('the size of a reply with a pinned file', () => {
  const limit = 6_000_000;
  const utf8 = new TextEncoder();
  const versions = new Map([['X', { version: 12 }]]);
  const values = (bytes: number) => new Map([['X', utf8.encode('x'.repeat(bytes))]]);

  it('includes the pinned file with its escapes and versions', () => {
    const uses = Array.from({ length: 88 }, (_, index) => `K${index}=secret(X)\n`).join('');
    const file = (padding: number) => `${uses}# "\\${'x'.repeat(padding)}`;
    const size = (padding: number) => {
      const planned = plan(file(padding), { mode: 'expand' });
      const resolved = [{ name: 'X', version: 999_999_999 }];
      const rendered = renderFile(planned, values(65_536), 'json', versions);
      const answer = { ...rendered, created: [], resolved, tag: 't'.repeat(43) };
      return bodyBytesInResult(JSON.stringify(answer));
    };
    // Each character of the file occurs twice in the reply.
    const half = Math.floor((limit - size(0)) / 2);
    expect(limit - size(half)).toBeLessThan(2);
    expect(refusal(() => size(half + 1))).toEqual({ code: 'too_large', limit });
  });

  it('allows no pinned file that is too large to submit again', () => {
    const render = (length: number) => {
      const file = `A=secret(X)\n#${'é'.repeat((length - 13) / 2)}`;
      return renderFile(plan(file, { mode: 'expand' }), values(1), 'json', versions).pinned ?? '';
    };
    expect(utf8.encode(render(262_141)).length).toBe(262_144);
    expect(refusal(() => render(262_143))).toEqual({ code: 'too_large', limit: 262_144 });
  });
});
