import { describe, expect, it } from '@jest/globals';
import { reportReferences } from '../../../functions/env/references.ts';
import { faultsOf, plan, readBy, refusal } from '../../support/env-runs.ts';
import { scenariosOf } from '../../support/env-scenarios.ts';

const words = ['finds', 'malformed', 'stores', 'reports'];
const scenarios = scenariosOf('test/unit/env/references.txt', words).get('references') ?? [];
const casesOf = (wanted: string) => scenarios.filter(({ word }) => word === wanted);

describe('planning an env file', () => {
  it.each(casesOf('finds'))('$text', ({ input, output }) => {
    expect(plan(input)).toMatchObject({ create: [] });
    expect(readBy(input).join()).toBe(output);
  });

  it('accepts every name that a secret may have', () => {
    const names = ['_', 'a.b-c', 'constructor', '__proto__', 'toString', `N${'x'.repeat(127)}`];
    const text = names.map((name, index) => `A${index}='secret(${name})'\n`).join('');
    expect(readBy(text)).toEqual(names);
  });

  it('lists each reference once, in the order of first use', () => {
    const text = 'A="enc(Y) secret(B)"\nB=secret(A)\nC=enc(X)\nD=secret(B)enc(Y)\n';
    const { create, read } = plan(text, { values: { X: '1', Y: '2' } });
    expect(create.map(({ name, value }) => name + value)).toEqual(['Y2', 'X1']);
    expect(read.map(({ name }) => name)).toEqual(['B', 'A']);
  });

  it('plans no reads for encrypt and no creates for expand', () => {
    expect(readBy('A=secret(B)secret(B@2)\nC=enc(D)\nD=1\n', { mode: 'encrypt' })).toEqual([]);
    expect(plan('A=secret(B)\n', { mode: 'expand' }).create).toEqual([]);
  });

  it.each(casesOf('malformed'))('reports a malformed reference: $input', ({ input }) => {
    const column = input.startsWith('\\') ? 6 : 4;
    expect(faultsOf(() => plan(`A='${input}'\n`))).toEqual([`1:${column} malformed_reference`]);
  });
});

describe('a pinned reference', () => {
  it('is read separately from the same name without a version or with another version or anchor', () => {
    const text =
      'A="secret(X@3) secret(X)"\nB=secret(X@12)secret(X@3.-_0aZz9A)\nC=secret(Y@999999999)\n';
    for (const mode of ['submit', 'expand'] as const) {
      expect(readBy(text, { mode })).toEqual(['X@3', 'X', 'X@12', 'X@3.-_0aZz9A', 'Y@999999999']);
    }
  });
});

describe('the value of enc()', () => {
  const storedValue = (text: string, values = {}) => plan(text, { values }).create[0]?.value;

  it('is taken from the values of the request', () => {
    expect(storedValue('A=enc(X)\n', { X: 'a b\0' })).toBe('a b\0');
    expect(storedValue('X=enc(X)\n', { X: '' })).toBe('');
    expect(storedValue('A=enc(__proto__)\n', JSON.parse('{"__proto__":"v"}'))).toBe('v');
  });

  it.each(casesOf('stores'))(
    'is taken from an assignment in the file: $text',
    ({ input, output }) => {
      expect(storedValue(`A=enc(X)\n${input}`)).toBe(output);
      expect(storedValue(`${input}A=enc(X)\n`)).toBe(output);
    },
  );

  it('is taken from the request if the file has the same value or a reference', () => {
    expect(storedValue('A=enc(X)\nX="1"\n', { X: '1' })).toBe('1');
    expect(storedValue('A=enc(X)\nX=secret(Z)\n', { X: '1' })).toBe('1');
  });

  it('is stored as the next version by enc(NAME@next), on the condition in ifVersions', () => {
    const text = 'A="enc(X@next) enc(Y) enc(Z@next)"\nX=1\n';
    const ifVersions = { Z: 7 };
    expect(plan(text, { values: { Y: '2', Z: '3' }, ifVersions }).create).toEqual([
      { name: 'X', value: '1', isNext: true },
      { name: 'Y', value: '2' },
      { name: 'Z', value: '3', isNext: true, ifVersion: 7 },
    ]);
  });

  it.each(['Y', 'S', 'NONE', '__proto__'])(
    'cannot be conditional on a version of %s, because the file stores no next version of it',
    (name) => {
      const text = 'A="enc(X@next) enc(Y) secret(S)"\n';
      const options = { values: { X: '1', Y: '2' }, ifVersions: JSON.parse(`{"X":1,"${name}":1}`) };
      const refused = { code: 'invalid_request', field: 'ifVersions' };
      expect(refusal(() => plan(text, options))).toEqual(refused);
      // The error about `ifVersions` comes before the errors of the file.
      expect(refusal(() => plan(`${text}B\n`, options))).toEqual(refused);
    },
  );

  it('keeps references inside it as plain text', () => {
    expect(storedValue('A=enc(X)\n', { X: 'secret(Y) enc(Z) Secret(' })).toContain('Secret(');
  });
});

describe('a .env file with errors', () => {
  it.each(casesOf('reports'))('$text', ({ input, output }) => {
    const [, given = '', text = input] = /^given (.*?) \| (.*)$/s.exec(input) ?? [];
    const values = Object.fromEntries(given.split(' ').map((entry) => entry.split('=')));
    for (const mode of ['submit', 'encrypt'] as const) {
      const options = { mode, values: given === '' ? {} : values };
      expect(faultsOf(() => plan(text, options)).join(', ')).toBe(output);
    }
  });

  it('reports every enc() in expand', () => {
    const text = 'A=enc(X) enc(X@next)\nX=1\n';
    const faults = faultsOf(() => plan(text, { mode: 'expand' }));
    expect(faults).toEqual(['1:3 enc_not_allowed', '1:10 enc_not_allowed']);
  });

  it('reports values as unused in expand', () => {
    const options = { mode: 'expand', values: { X: '1' } } as const;
    expect(faultsOf(() => plan('A=secret(X)\n', options))).toEqual(['1:1 unused_value']);
  });

  it('reports the first hundred errors and the total', () => {
    const { errors, errorsTotal } = refusal(() => plan('A\n'.repeat(250)));
    expect(errors?.map(({ line }) => line)).toEqual(Array.from({ length: 100 }, (_, i) => i + 1));
    expect(errorsTotal).toBe(250);
  });

  it('causes errors that contain no value, no text in a reference and no line without a key', () => {
    const text = 'A=enc(hunter2)\nB=hunter2(\nhunter2\nC=1\nC=enc(\nD="hunter2';
    const refused = refusal(() => plan(text, { values: { hunter3: 'x' } }));
    expect(JSON.stringify(refused)).not.toContain('hunter');
  });
});

describe('the limits of a .env file', () => {
  const names = (count: number, kind: string) =>
    Array.from({ length: count }, (_, index) => `A_${kind}_${index}='${kind}(${kind}_${index})'\n`);
  const valuesFor = (count: number, value: string) =>
    Object.fromEntries(Array.from({ length: count }, (_, index) => [`enc_${index}`, value]));

  it('allow 262,144 bytes in UTF-8', () => {
    const text = `#${'é'.repeat(131_071)}`;
    expect(plan(`${text}x`).create).toEqual([]);
    expect(refusal(() => plan(`${text}xx`))).toEqual({ code: 'too_large', limit: 262_144 });
  });

  it('allow 96 names in secret() and enc() together, each counted once', () => {
    const text = [...names(48, 'enc'), ...names(48, 'secret'), 'Z="secret(secret_0)"\n'].join('');
    const values = valuesFor(48, 'x');
    expect(readBy(text, { values })).toHaveLength(48);
    const more = `${text}Y="secret(Y)"\n`;
    expect(refusal(() => plan(more, { values }))).toEqual({ code: 'too_large', limit: 96 });
    expect(refusal(() => plan(more, { values, mode: 'encrypt' })).limit).toBe(96);
  });

  it('count each pinned version as one more name', () => {
    const pins = Array.from({ length: 95 }, (_, index) => `secret(X@${index + 1})`);
    const text = `A="${pins.join()} secret(X@1) secret(X)"\n`;
    expect(readBy(text)).toHaveLength(96);
    for (const mode of ['submit', 'encrypt', 'expand'] as const) {
      const refused = refusal(() => plan(`${text}B=secret(X@96)\n`, { mode }));
      expect(refused).toEqual({ code: 'too_large', limit: 96 });
    }
  });

  it('count a name twice if its next version is stored', () => {
    const nexts = names(48, 'enc').map((line) => line.replace(')', '@next)'));
    const values = valuesFor(48, 'x');
    expect(plan(nexts.join(''), { values }).create).toHaveLength(48);
    for (const mode of ['submit', 'encrypt'] as const) {
      const refused = refusal(() => plan(`${nexts.join('')}Z=secret(Z)\n`, { values, mode }));
      expect(refused).toEqual({ code: 'too_large', limit: 96 });
    }
  });

  it('allow 65,536 bytes for each value from the request or the file', () => {
    const value = 'é'.repeat(32_768);
    expect(plan('A=enc(X)\n', { values: { X: value } }).create).toHaveLength(1);
    expect(plan(`A=enc(X)\nX=${value}\n`).create).toHaveLength(1);
    const tooLarge = { code: 'too_large', limit: 65_536 };
    expect(refusal(() => plan('A=enc(X)\n', { values: { X: `${value}x` } }))).toEqual(tooLarge);
    expect(refusal(() => plan(`A=enc(X)\nX=${value}x\n`))).toEqual(tooLarge);
    expect(refusal(() => plan('A=1\n', { values: { X: `${value}x` } }))).toEqual(tooLarge);
  });

  it('allow 1 MiB for all values together', () => {
    const values = valuesFor(16, 'x'.repeat(65_536));
    expect(plan(names(16, 'enc').join(''), { values }).create).toHaveLength(16);
    const more = { ...values, enc_16: 'x' };
    const refused = refusal(() => plan(names(17, 'enc').join(''), { values: more }));
    expect(refused).toEqual({ code: 'too_large', limit: 1_048_576 });
  });

  it('are checked before the errors of the file', () => {
    expect(refusal(() => plan(`A\n${names(97, 'secret').join('')}`)).code).toBe('too_large');
  });

  it('refuse a value under an invalid name, and name only the field', () => {
    for (const name of ['', 'A B', '1', 'é', 'x'.repeat(129)]) {
      const refused = refusal(() => plan('A=1\n', { values: { [name]: 'x' } }));
      expect(refused).toEqual({ code: 'invalid_request', field: 'values' });
    }
  });
});

describe('the dialect json', () => {
  const refused = { code: 'invalid_request', field: 'dialect' };

  it('is accepted by expand, and by submit without enc()', () => {
    expect(readBy('A=secret(X)\n', { dialect: 'json' })).toEqual(['X']);
    expect(readBy('A=secret(X)\n', { dialect: 'json', mode: 'expand' })).toEqual(['X']);
    expect(refusal(() => plan('A=enc(X)\nX=1\n', { dialect: 'json' }))).toEqual(refused);
    expect(refusal(() => plan('A=1\n', { dialect: 'json', mode: 'encrypt' }))).toEqual(refused);
  });

  it('is refused before the errors of the file are reported, except in expand, which reports each enc() as an error', () => {
    expect(refusal(() => plan('A=enc(X)\nB\n', { dialect: 'json' }))).toEqual(refused);
    const inExpand = faultsOf(() => plan('A=enc(X)\n', { dialect: 'json', mode: 'expand' }));
    expect(inExpand).toEqual(['1:3 enc_not_allowed']);
  });
});

describe('an error that lists names', () => {
  const text = '#\nA="secret(N) enc(E)"\nB=secret(M)secret(N)\nC=enc(F)enc(E)secret(N@2)\n';
  const planned = plan(text, { values: { E: '1', F: '2' } });

  it('lists missing names at their first secret(), in the order of the file', () => {
    const errors = [
      { line: 2, column: 4, code: 'not_found', name: 'N' },
      { line: 3, column: 3, code: 'not_found', name: 'M' },
    ];
    expect(reportReferences(planned, new Set(['M', 'N', 'E']), 'not_found')).toEqual({
      errors,
      errorsTotal: 2,
    });
  });

  it('lists a pinned reference at its own position, but without its version', () => {
    const errors = [{ line: 4, column: 15, code: 'not_found', name: 'N' }];
    expect(reportReferences(planned, new Set(['N@2', 'M@1']), 'not_found')).toEqual({
      errors,
      errorsTotal: 1,
    });
  });

  it('lists a name that has no version to replace at its first enc(NAME@next)', () => {
    const values = { E: '1', F: '2', G: '3' };
    const next = plan(`${text}D="enc(G@next) enc(G@next)"`, { values });
    const at = { line: 5, column: 4, name: 'G' };
    for (const code of ['not_found', 'version_conflict'] as const) {
      const errors = [{ ...at, code }];
      const found = reportReferences(next, new Set(['G@next', 'E', 'F']), code);
      expect(found).toEqual({ errors, errorsTotal: 1 });
    }
  });

  it('lists existing names at their first enc()', () => {
    const [first, second] = [
      { line: 2, column: 14, code: 'secret_exists', name: 'E' },
      { line: 4, column: 3, code: 'secret_exists', name: 'F' },
    ];
    const all = reportReferences(planned, new Set(['F', 'E', 'N']), 'secret_exists');
    expect(all).toEqual({ errors: [first, second], errorsTotal: 2 });
    const one = reportReferences(planned, new Set(['F']), 'secret_exists');
    expect(one).toEqual({ errors: [second], errorsTotal: 1 });
  });
});
