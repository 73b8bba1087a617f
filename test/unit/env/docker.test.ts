import { describe, expect, it } from '@jest/globals';
import { readingOf, reasonsOf, writerFor } from '../../support/env-refusals.ts';
import { contentOf } from '../../support/env-runs.ts';

const write = writerFor('docker');

describe('the writer for docker run --env-file', () => {
  it.each(['', 'v', ' "it\'s" `x` $y \\ # z ', '\t', 'a\rb', '\u2028é'])(
    'writes %j without quotes or escapes',
    (value) => {
      expect(write(value)).toBe(`A=${value}\n`);
    },
  );

  it('drops export, quotes and surrounding blanks', () => {
    expect(write('v', '\t export A = "secret(X)"  \r\n')).toBe('\t A=v\r\n');
    expect(write('v', '\uFEFFA=secret(X)')).toBe('\uFEFFA=v');
  });

  it('moves a comment above its line, because docker would read it as part of the value', () => {
    expect(write('v', ' A=secret(X) # c\r\n')).toBe(' # c\r\n A=v\r\n');
    expect(write('v', 'A=secret(X) # c')).toBe('# c\nA=v');
  });

  it('ends a value that ends in CR with CRLF, because docker drops one CR', () => {
    expect(write('a\r', 'A=secret(X)\n')).toBe('A=a\r\r\n');
    expect(write('a\r', 'A=secret(X)\r\n')).toBe('A=a\r\r\n');
  });

  it('refuses a value with a line feed or NUL', () => {
    expect(reasonsOf(() => write('a\nb'))).toEqual(['1 line_feed']);
    expect(reasonsOf(() => write('a\0b'))).toEqual(['1 nul']);
  });

  it('limits a line to 65,535 bytes, with room for a byte order mark', () => {
    expect(write('é'.repeat(32_765))).toHaveLength(32_768);
    expect(reasonsOf(() => write(`${'é'.repeat(32_765)}a`))).toEqual(['1 too_long']);
    expect(reasonsOf(() => write('é'.repeat(32_765), 'A=secret(X)\r\n'))).toEqual(['1 too_long']);
    const text = `A=secret(X) #${'c'.repeat(65_535)}\n`;
    expect(reasonsOf(() => write('v', text))).toEqual(['1 too_long']);
  });

  it.each([`"a"`, ' a', 'a ', 'a #b', 'a\rb'])(
    'refuses %j in a file that will be expanded later, because the grammar would read another value',
    (value) => {
      const text = 'A=secret(X)\nB=enc(N)\n';
      const options = { dialect: 'docker', values: { N: '1' }, secrets: { X: value } } as const;
      expect(reasonsOf(() => contentOf(text, options))).toEqual(['1 expanded_later']);
      expect(
        contentOf('A=secret(X)\n', options.values ? { ...options, values: {} } : options),
      ).toBe(`A=${value}\n`);
    },
  );
});

describe('the check of unchanged lines for docker run --env-file', () => {
  it.each([
    ['A=1', 'same'],
    ['\t A=a b $B "c"', 'same'],
    ['\uFEFFA=1', 'same'],
    ['A=1\r', 'same'],
    ['\uFEFF # c', 'same'],
    [' ', 'same'],
    ['A=', 'same'],
    [`A='b'`, 'different'],
    ['A= b', 'different'],
    ['A=b ', 'different'],
    ['A=b # c', 'different'],
    ['A= # c', 'different'],
    ['A =b', 'whole file'],
    ['export A=b', 'whole file'],
    [`A='b\nC=d'`, 'whole file'],
    [`A=${'b'.repeat(65_533)}`, 'same'],
    [`A=${'b'.repeat(65_533)}\r`, 'whole file'],
    [`A=${'b'.repeat(65_534)}`, 'whole file'],
    [`#${'b'.repeat(65_535)}`, 'whole file'],
    [`\uFEFFA=${'b'.repeat(65_533)}`, 'lines below'],
  ])('classifies case %# as %s', (line, reading) => {
    expect(readingOf('docker', line)).toBe(reading);
  });
});
