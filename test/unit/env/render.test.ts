import { describe, expect, it } from '@jest/globals';
import { renderFile } from '../../../functions/env/render.ts';
import { contentOf, faultsOf, plan, refusal, render } from '../../support/env-runs.ts';
import { scenariosOf } from '../../support/env-scenarios.ts';
import { cpuMsOf } from '../../support/growth.ts';

const encrypt = (text: string, values = {}) => contentOf(text, { mode: 'encrypt', values });
const expand = (text: string, secrets: Record<string, string | Uint8Array>) =>
  contentOf(text, { mode: 'expand', secrets });

describe('a submitted file', () => {
  const text = `# settings
DB_PASSWORD=hunter2
APP_DB="enc(DB_PASSWORD)" # app
TOKEN=secret(API_TOKEN)
HOOK=https://h/?k=secret(API_TOKEN)
`;

  it('holds references after encrypt', () => {
    expect(encrypt(text)).toBe(`# settings
DB_PASSWORD=secret(DB_PASSWORD)
APP_DB="secret(DB_PASSWORD)" # app
TOKEN=secret(API_TOKEN)
HOOK=https://h/?k=secret(API_TOKEN)
`);
  });

  it('holds new references and resolved values after submit', () => {
    expect(contentOf(text, { secrets: { API_TOKEN: 's3cr3t' } })).toBe(`# settings
DB_PASSWORD=secret(DB_PASSWORD)
APP_DB="secret(DB_PASSWORD)" # app
TOKEN=s3cr3t
HOOK='https://h/?k=s3cr3t'
`);
  });
});

describe('the rendered reply', () => {
  const words = ['encrypt', 'expand', 'submit'] as const;
  const scenarios = scenariosOf('test/unit/env/render.txt', words).get('replies') ?? [];

  it.each(scenarios)('$text', ({ word, input, output }) => {
    const [, list = '', text = input] = /^given (.*?) \| (.*)$/s.exec(input) ?? [];
    const given = Object.fromEntries(
      list.split(' & ').map((entry) => [entry.split('=')[0], entry.replace(/^.*?=/, '')]),
    );
    const written = {
      encrypt: () => encrypt(text, list === '' ? {} : given),
      expand: () => expand(text, given),
      submit: () => contentOf(`${text}N=enc(N)\n`, { values: { N: 'n' }, secrets: given }),
    }[word as (typeof words)[number]];
    const faults = faultsOf(written).join(', ');
    const isWritten = faults === 'nothing was thrown';
    expect(isWritten ? written().replace('N=secret(N)\n', '') : faults).toBe(output);
  });
});

describe('a line whose value cannot be written', () => {
  const errorsOf = (work: () => unknown) => refusal(work).errors;

  it('causes an error with position, key, dialect and reason, but without the value', () => {
    const text = '# c\n  export KEY = "x-secret(X)"\n';
    const options = { mode: 'expand', dialect: 'docker', secrets: { X: 'hunter2\n' } } as const;
    const place = { line: 2, column: 19, key: 'KEY' };
    expect(errorsOf(() => render(text, options))).toEqual([
      { ...place, code: 'not_representable', dialect: 'docker', reason: 'line_feed' },
    ]);
  });

  it('is reported with the line that causes the problem, once for each affected line', () => {
    const text = `A=secret(X)\nB="a\nb"\nC='\n'\nD=secret(X)\n`;
    const entry = { code: 'not_representable', dialect: 'docker', reason: 'other_line' };
    const work = () => plan(text, { mode: 'expand', dialect: 'docker' });
    expect(errorsOf(work)).toEqual([
      { line: 1, column: 3, key: 'A', causeLine: 2, ...entry },
      { line: 6, column: 3, key: 'D', causeLine: 2, ...entry },
    ]);
  });

  it('is reported as not_utf8 wherever it uses a secret that is not text', () => {
    const secrets = { X: new Uint8Array([0xff]), Y: 'y' };
    const text = 'A=secret(Y)secret(X)secret(X)\nB=secret(Y)\nC="secret(X)"\n';
    for (const dialect of ['shell', 'json'] as const) {
      expect(errorsOf(() => render(text, { dialect, secrets }))).toMatchObject([
        { line: 1, column: 12, key: 'A', dialect, reason: 'not_utf8' },
        { line: 3, column: 4, key: 'C', dialect, reason: 'not_utf8' },
      ]);
    }
  });

  it('is reported as expanded_later if the value would change a later reference', () => {
    const options = { values: { N: '1' }, secrets: { X: '\\', Y: '' } };
    const work = () => render('A=secret(X)secret(Y)\nB="secret(X)enc(N)"\n', options);
    expect(errorsOf(work)).toMatchObject([{ line: 2, key: 'B', reason: 'expanded_later' }]);
  });
});

describe('the dialect json', () => {
  it('writes one object with all assignments in the order of the file', () => {
    const text = `\uFEFF# c\r\nB=2\r\n\nexport A="secret(X)" # c\n__proto__='\\secret(Y)'\nconstructor=$x`;
    const { content } = render(text, { dialect: 'json', secrets: { X: '"\0\n\u2028é' } });
    expect(content).toBe(
      '{"B":"2","A":"\\"\\u0000\\n\u2028é","__proto__":"secret(Y)","constructor":"$x"}',
    );
    expect(contentOf('# c\n', { dialect: 'json', mode: 'expand' })).toBe('{}');
  });

  it('causes no warnings', () => {
    expect(render('A = $x y\n', { dialect: 'json' }).warnings).toEqual([]);
  });
});

describe('the warning reader_disagrees', () => {
  it('does not appear for lines that the vault writes', () => {
    expect(render('A = secret(X)\n', { secrets: { X: '1' } }).warnings).toEqual([]);
    expect(render('A = \\secret(X)\n').warnings).toEqual([]);
    expect(render('A = enc(X)\nX = 1 2\nB = \\enc(X)\n').warnings).toEqual([]);
    expect(render('A = secret(X)\n', { mode: 'encrypt' }).warnings).toEqual([]);
  });
});

describe('the warning value_elsewhere', () => {
  const lines = (text: string, values = {}, secrets = {}) =>
    render(`N=enc(X)\n${text}`, { values, secrets })
      .warnings.filter(({ code }) => code === 'value_elsewhere')
      .map(({ line }) => line);

  it('lists the lines that still hold a stored value', () => {
    const text = `X=12345678\nA='a 12345678 12345678 b'\n# 12345678\nB=1\nC=1 # x12345678`;
    expect(lines(text)).toEqual([3, 4, 6]);
    expect(lines('B=1\nABCDEFGH=1\n', { X: 'ABCDEFGH' })).toEqual([3]);
  });

  it('ignores values shorter than eight bytes', () => {
    expect(lines('# 1234567\n', { X: '1234567' })).toEqual([]);
    expect(lines('# éééé\n', { X: 'éééé' })).toEqual([2]);
  });

  it('finds escaped values, and values that span several lines', () => {
    expect(lines('A="\\$\\$34567\\"8 \\$"\n', { X: '$$34567"8' })).toEqual([2]);
    expect(lines(`A='12345\n678'\n`, { X: '2345\n678' })).toEqual([2]);
    expect(lines('A=12345\nB=67890\n', { X: '2345\nB=6' })).toEqual([2]);
    expect(lines('A="\\"-\\"enc(X)"\n', { X: '"-"secret(X)' })).toEqual([2]);
    expect(lines('A="\\"1234"\nB="5678\\""\n', { X: '12345678' })).toEqual([]);
  });

  it('finds stored values inside resolved values', () => {
    expect(lines('A=a-secret(Y)-b\n', { X: 'a-12345678' }, { Y: '12345678' })).toEqual([2]);
    expect(lines('A=secret(Y)\n', { X: `it's $5 "ok"` }, { Y: `it's $5 "ok"` })).toEqual([2]);
  });

  it('finds a value after a partial match, inside another value, or overlapping the end of one', () => {
    expect(lines('# 111112222\n', { X: '11112222' })).toEqual([2]);
    const values = { X: '123456789012', Y: '34567890', Z: '567890123' };
    const text = '# 1234567890\n# 123456789\n# 1234567890123\nA="enc(Y)enc(Z)"\n';
    expect(lines(text, values)).toEqual([2, 4]);
  });

  it('finds a long value by its first 200 characters', () => {
    const value = (end: string) => `${'x'.repeat(200)}${end}`;
    expect(lines(`# ${value('copy')}\n# ${value('')}\n`, { X: value('end') })).toEqual([2, 3]);
    expect(lines(`# ${'x'.repeat(199)}\n`, { X: value('end') })).toEqual([]);
  });

  it('takes at most 0.5 s of CPU time, even for the file and values that need the most comparisons in V8', () => {
    const some = 'a'.repeat(32_000);
    const values = Object.fromEntries(Array.from('ABCDEFGH', (name) => [name, `${some}b${some}`]));
    const uses = Object.keys(values).map((name) => `${name}=enc(${name})\n`);
    const file = `${uses.join('')}# ${'a'.repeat(250_000)}\n`;
    expect(cpuMsOf(() => render(file, { values }))).toBeLessThan(500);
  });

  it('ignores the lines in which the stored value is replaced by a reference', () => {
    expect(lines('X=12345678\n')).toEqual([]);
  });
});

describe('the size of a reply', () => {
  const limit = 6_000_000;
  const tooLarge = { code: 'too_large', limit };
  const utf8 = new TextEncoder();
  const secretOf = (bytes: number, character = 'x') =>
    new Map([['X', utf8.encode(character.repeat(bytes / utf8.encode(character).length))]]);

  it('is checked before a large reply is built', () => {
    const text = `A="${'secret(X)'.repeat(29_000)}"\n`;
    const planned = plan(text, { mode: 'expand' });
    const cpuMs = cpuMsOf(() => {
      for (const reply of ['json', 'text'] as const) {
        expect(refusal(() => renderFile(planned, secretOf(65_536), reply))).toEqual(tooLarge);
      }
    });
    expect(cpuMs).toBeLessThan(500);
  });

  it('is checked within two seconds for repetitive values in a repetitive file', () => {
    const values = Object.fromEntries(
      Array.from({ length: 30 }, (_, index) => [`N${index}`, `b${'a'.repeat(30_000 + index)}`]),
    );
    const uses = Object.keys(values).map((name) => `K${name}=enc(${name})\n`);
    const text = `${uses.join('')}A=${'secret(X)'.repeat(60)}\n`;
    const planned = plan(text, { values });
    const work = () => renderFile(planned, secretOf(65_536, 'a'), 'text');
    expect(cpuMsOf(work)).toBeLessThan(2_000);
  });
});

describe('rendering a plan', () => {
  it('fails if a value that the plan reads is missing', () => {
    const work = () => renderFile(plan('A=secret(X)\n'), new Map(), 'json');
    expect(refusal(work).code).toBe('internal');
  });
});
