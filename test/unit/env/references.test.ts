import { describe, expect, it } from '@jest/globals';
import { reportExisting, reportMissing } from '../../../functions/env/references.ts';
import { faultsOf, plan, readBy, refusal } from '../../support/env-runs.ts';

describe('the search for references', () => {
  it.each([
    ['a bare value', 'A=secret(X)\n'],
    ['quoted values', `A='secret(X)'\nB="secret(X)"\n`],
    ['the middle of a value', 'A=postgres://u:secret(X)@h/secret(X)\n'],
    ['a value with an escape before it', 'A="\\"secret(X)"\n'],
    ['a value with a letter outside ASCII before it', 'A=ésecret(X)\n'],
    ['a value of several lines', `A='1\nsecret(X)'\n`],
    ['a value with two backslashes before it', `A='\\\\secret(X)'\n`],
  ])('finds a reference in %s', (_, text) => {
    expect(readBy(text)).toEqual(['X']);
  });

  it.each([
    ['a comment', '# secret(X)\nA=1 # secret(X) enc(Y) Secret(\n'],
    ['a key or a blank line', 'secret=1\nenc=2\n\n'],
    ['a longer word', 'A=mysecret(X) _enc(Y) 1secret(X)\n'],
    ['a word without brackets', 'A=secret X enc\n'],
    ['a word after a backslash', 'A=\\secret(X)\n'],
    ['a word after three backslashes', 'A=\\\\\\enc(X)\n'],
    ['a word after an escaped backslash in double quotes', 'A="\\\\secret(X) \\\\Enc ("\n'],
  ])('finds no reference in %s', (_, text) => {
    expect(plan(text)).toMatchObject({ read: [], create: [] });
  });

  it('accepts every name that a secret may have', () => {
    const names = ['_', 'a.b-c', 'constructor', '__proto__', 'toString', `N${'x'.repeat(127)}`];
    const text = names.map((name, index) => `A${index}='secret(${name})'\n`).join('');
    expect(readBy(text)).toEqual(names);
  });

  it('lists each reference once, in the order of first use', () => {
    const text = 'A="enc(Y) secret(B)"\nB=secret(A)\nC=enc(X)\nD=secret(B)enc(Y)\n';
    expect(plan(text, { values: { X: '1', Y: '2' } })).toMatchObject({
      create: [
        { name: 'Y', value: '2' },
        { name: 'X', value: '1' },
      ],
      read: [{ name: 'B' }, { name: 'A' }],
    });
  });

  it('plans no reads for encrypt and no creates for expand', () => {
    expect(readBy('A=secret(B)\nC=enc(D)\nD=1\n', { mode: 'encrypt' })).toEqual([]);
    expect(plan('A=secret(B)\n', { mode: 'expand' }).create).toEqual([]);
  });

  it.each([
    'Secret(X)',
    'SECRET(X)',
    'secret (X)',
    'secret\t(X)',
    'enc()',
    'enc(A B)',
    'secret(A',
    'secret(1A)',
    'secret( A)',
    'secret(é)',
    'enc(A@3)',
    'secret(@3)',
    'secret(A@)',
    'secret(A@0)',
    'secret(A@03)',
    'secret(A@-3)',
    'secret(A@3 )',
    'secret(A @3)',
    'secret(A@3@4)',
    'secret(A@1000000000)',
    'Secret(A@3)',
    'secret (A@3)',
    'Enc(A)',
    `secret(N${'x'.repeat(128)})`,
    '\\\\Secret(X)',
  ])('reports %s as malformed', (reference) => {
    const column = reference.startsWith('\\') ? 6 : 4;
    expect(faultsOf(() => plan(`A='${reference}'\n`))).toEqual([`1:${column} malformed_reference`]);
  });
});

describe('a pinned reference', () => {
  it('differs from the same name without a version or with another version', () => {
    const text = 'A="secret(X@3) secret(X)"\nB=secret(X@12)secret(X@3)\nC=secret(Y@999999999)\n';
    for (const mode of ['submit', 'expand'] as const) {
      expect(plan(text, { mode }).read).toEqual([
        { name: 'X', version: 3 },
        { name: 'X', version: undefined },
        { name: 'X', version: 12 },
        { name: 'Y', version: 999_999_999 },
      ]);
    }
  });

  it('becomes text after a backslash', () => {
    expect(readBy(`A='\\secret(X@3) \\\\secret(Y@4)'\n`)).toEqual(['Y@4']);
  });

  it('causes no read in encrypt', () => {
    expect(readBy('A=secret(B@2)\n', { mode: 'encrypt' })).toEqual([]);
  });

  it('fails for a secret that the same file creates', () => {
    for (const mode of ['submit', 'encrypt'] as const) {
      const text = 'A=enc(X)\nX=1\nB=secret(X@1)\n';
      expect(faultsOf(() => plan(text, { mode }))).toEqual(['3:3 reference_to_new_secret']);
    }
  });

  it('fails as the source of a value', () => {
    expect(faultsOf(() => plan('A=enc(X)\nX=secret(Y@2)\n'))).toEqual(['2:3 nested_reference']);
  });
});

describe('the value of enc()', () => {
  const storedValue = (text: string, values = {}) => plan(text, { values }).create[0]?.value;

  it('comes from the request', () => {
    expect(storedValue('A=enc(X)\n', { X: 'a b\0' })).toBe('a b\0');
    expect(storedValue('X=enc(X)\n', { X: '' })).toBe('');
    expect(storedValue('A=enc(__proto__)\n', JSON.parse('{"__proto__":"v"}'))).toBe('v');
  });

  it.each([
    ['bare', 'X=a b # c\n', 'a b'],
    ['empty', 'X= # c\n', ''],
    ['single quoted', `export X = 'a\nb'\n`, 'a\nb'],
    ['double quoted', 'X="a\\n\\""\n', 'a\n"'],
    ['with a reference made text', `X='\\secret(Y) \\\\\\Enc('\n`, 'secret(Y) \\Enc('],
    ['with backslashes elsewhere', `X='\\a\\\\b'\n`, '\\a\\\\b'],
  ])('comes from an assignment: %s', (_, line, value) => {
    expect(storedValue(`A=enc(X)\n${line}`)).toBe(value);
    expect(storedValue(`${line}A=enc(X)\n`)).toBe(value);
  });

  it('comes from either source if request and file give the same value', () => {
    expect(storedValue('A=enc(X)\nX="1"\n', { X: '1' })).toBe('1');
  });

  it('comes from the request if the assignment holds a reference', () => {
    expect(storedValue('A=enc(X)\nX=secret(Z)\n', { X: '1' })).toBe('1');
  });

  it('keeps references in it as text', () => {
    expect(storedValue('A=enc(X)\n', { X: 'secret(Y) enc(Z) Secret(' })).toContain('Secret(');
  });
});

describe('a .env file with errors', () => {
  it.each([
    ['an enc() without a value', 'A=1\nB="x enc(X)"\nC=enc(X)\n', {}, ['2:6 unresolved_value']],
    ['an enc() whose only source is itself', 'X=enc(X)\nY=enc(X)\n', {}, ['1:3 unresolved_value']],
    ['an enc() with two values', 'A=enc(X)\nX=1\n', { X: '2' }, ['1:3 ambiguous_value']],
    [
      'an enc() with two values, one of them empty',
      'A=enc(X)\nX=\n',
      { X: '2' },
      ['1:3 ambiguous_value'],
    ],
    [
      'a value that nothing uses',
      'A=secret(X)\n',
      { X: '2', Y: '3' },
      ['1:1 unused_value', '1:1 unused_value'],
    ],
    ['a source that refers', 'A=enc(X)\nX="\\"secret(Y)"\n', {}, ['2:6 nested_reference']],
    ['a source that refers to itself', 'X=a enc(X)\n', {}, ['1:5 nested_reference']],
    ['a source with a malformed reference', 'A=enc(X)\nX=enc(\n', {}, ['2:3 malformed_reference']],
    ['a source that cannot be read', `A=enc(X)\nX='\n`, {}, ['2:3 unterminated_quote']],
    ['a source with a bad escape', 'A=enc(X)\nX="\\x"\n', {}, ['2:4 bad_escape']],
    [
      'a reference to a secret that the file creates',
      'A=enc(X)\nB=secret(X)secret(X)\nX=1\n',
      {},
      ['2:3 reference_to_new_secret', '2:12 reference_to_new_secret'],
    ],
    [
      'several faults on one line',
      'A=Secret(X) enc(\n',
      {},
      ['1:3 malformed_reference', '1:13 malformed_reference'],
    ],
    ['a reference inside another', 'A=secret(secret(X))\n', {}, ['1:3 malformed_reference']],
    ['columns counted in code points', 'A="😀\\n Enc("\n', {}, ['1:8 malformed_reference']],
    ['a position on a later line of a value', `A='\n é enc(X)'\n`, {}, ['2:4 unresolved_value']],
    [
      'faults of grammar and of references',
      'A=enc(X)\nB\nA=enc(',
      {},
      [
        '1:3 unresolved_value',
        '2:1 missing_equals',
        '3:1 duplicate_key',
        '3:3 malformed_reference',
      ],
    ],
  ])('reports %s', (_, text, values, errors) => {
    expect(faultsOf(() => plan(text, { values }))).toEqual(errors);
    expect(faultsOf(() => plan(text, { values, mode: 'encrypt' }))).toEqual(errors);
  });

  it('reports every enc() in expand', () => {
    const text = 'A=enc(X) enc(X)\nX=1\n';
    expect(faultsOf(() => plan(text, { mode: 'expand' }))).toEqual([
      '1:3 enc_not_allowed',
      '1:10 enc_not_allowed',
    ]);
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

  it('reports no name and no value', () => {
    const text = 'A=enc(hunter2)\nB=hunter2(\nhunter2\nhunter2=1\nhunter2=enc(\n';
    expect(JSON.stringify(refusal(() => plan(text, { values: { hunter3: 'x' } })))).not.toContain(
      'hunter',
    );
  });
});

describe('the limits of a .env file', () => {
  const names = (count: number, kind: string) =>
    Array.from({ length: count }, (_, index) => `A_${kind}_${index}='${kind}(${kind}_${index})'\n`);
  const valuesFor = (count: number, value: string) =>
    Object.fromEntries(Array.from({ length: count }, (_, index) => [`enc_${index}`, value]));

  it('allow 262,144 bytes, counted in UTF-8', () => {
    const text = `#${'é'.repeat(131_071)}`;
    expect(plan(`${text}x`).create).toEqual([]);
    expect(refusal(() => plan(`${text}xx`))).toEqual({ code: 'too_large', limit: 262_144 });
  });

  it('allow 96 names of both kinds together, each counted once', () => {
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
    expect(refusal(() => plan(names(17, 'enc').join(''), { values: more }))).toEqual({
      code: 'too_large',
      limit: 1_048_576,
    });
  });

  it('take precedence over the errors of the file', () => {
    expect(refusal(() => plan(`A\n${names(97, 'secret').join('')}`)).code).toBe('too_large');
  });

  it('refuse a value whose name no secret may have, and name only the field', () => {
    for (const name of ['', 'A B', '1', 'é', 'x'.repeat(129)]) {
      expect(refusal(() => plan('A=1\n', { values: { [name]: 'x' } }))).toEqual({
        code: 'invalid_request',
        field: 'values',
      });
    }
  });
});

describe('the dialect json', () => {
  const refused = { code: 'invalid_request', field: 'dialect' };

  it('works with expand, and with submit without enc()', () => {
    expect(readBy('A=secret(X)\n', { dialect: 'json' })).toEqual(['X']);
    expect(readBy('A=secret(X)\n', { dialect: 'json', mode: 'expand' })).toEqual(['X']);
    expect(refusal(() => plan('A=enc(X)\nX=1\n', { dialect: 'json' }))).toEqual(refused);
    expect(refusal(() => plan('A=1\n', { dialect: 'json', mode: 'encrypt' }))).toEqual(refused);
  });

  it('fails before the errors of the file are reported', () => {
    expect(refusal(() => plan('A=enc(X)\nB\n', { dialect: 'json' }))).toEqual(refused);
    expect(faultsOf(() => plan('A=enc(X)\n', { dialect: 'json', mode: 'expand' }))).toEqual([
      '1:3 enc_not_allowed',
    ]);
  });
});

describe('a report of names', () => {
  const text = '#\nA="secret(N) enc(E)"\nB=secret(M)secret(N)\nC=enc(F)enc(E)secret(N@2)\n';
  const planned = plan(text, { values: { E: '1', F: '2' } });

  it('lists missing names at their first secret(), in the order of the file', () => {
    expect(reportMissing(planned, new Set(['M', 'N', 'E']))).toEqual({
      errors: [
        { line: 2, column: 4, code: 'not_found', name: 'N' },
        { line: 3, column: 3, code: 'not_found', name: 'M' },
      ],
      errorsTotal: 2,
    });
  });

  it('lists a pinned reference at its own position, by its name alone', () => {
    expect(reportMissing(planned, new Set(['N@2', 'M@1']))).toEqual({
      errors: [{ line: 4, column: 15, code: 'not_found', name: 'N' }],
      errorsTotal: 1,
    });
  });

  it('lists existing names at their first enc()', () => {
    expect(reportExisting(planned, new Set(['F', 'E', 'N']))).toEqual({
      errors: [
        { line: 2, column: 14, code: 'secret_exists', name: 'E' },
        { line: 4, column: 3, code: 'secret_exists', name: 'F' },
      ],
      errorsTotal: 2,
    });
    expect(reportExisting(planned, new Set(['F']))).toMatchObject({
      errors: [{ name: 'F' }],
      errorsTotal: 1,
    });
  });
});
