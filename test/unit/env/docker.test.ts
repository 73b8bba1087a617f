import { describe, expect, it } from '@jest/globals';
import { readingOf, reasonsOf, writerFor } from '../../support/env-refusals.ts';
import { contentOf } from '../../support/env-runs.ts';

const write = writerFor('docker');

describe('a value written for docker run --env-file', () => {
  it.each(['', 'v', ' "it\'s" `x` $y \\ # z ', '\t', 'a\rb', '\u2028é'])(
    'is %j, as it is',
    (value) => {
      expect(write(value)).toBe(`A=${value}\n`);
    },
  );

  it('stands without export, quotes and blanks around it', () => {
    expect(write('v', '\t export A = "secret(X)"  \r\n')).toBe('\t A=v\r\n');
    expect(write('v', '\uFEFFA=secret(X)')).toBe('\uFEFFA=v');
  });

  it('has its comment above it, for behind it the comment would be a part of the value', () => {
    expect(write('v', ' A=secret(X) # c\r\n')).toBe(' # c\r\n A=v\r\n');
    expect(write('v', 'A=secret(X) # c')).toBe('# c\nA=v');
  });

  it('ends its line in CRLF if it ends in CR, of which docker drops one', () => {
    expect(write('a\r', 'A=secret(X)\n')).toBe('A=a\r\r\n');
    expect(write('a\r', 'A=secret(X)\r\n')).toBe('A=a\r\r\n');
  });

  it('holds no line feed and no NUL', () => {
    expect(reasonsOf(() => write('a\nb'))).toEqual(['1 line_feed']);
    expect(reasonsOf(() => write('a\0b'))).toEqual(['1 nul']);
  });

  it('is no longer than leaves 65,535 bytes to a line and a byte order mark', () => {
    expect(write('é'.repeat(32_765))).toHaveLength(32_768);
    expect(reasonsOf(() => write(`${'é'.repeat(32_765)}a`))).toEqual(['1 too_long']);
    expect(reasonsOf(() => write('é'.repeat(32_765), 'A=secret(X)\r\n'))).toEqual(['1 too_long']);
    const text = `A=secret(X) #${'c'.repeat(65_535)}\n`;
    expect(reasonsOf(() => write('v', text))).toEqual(['1 too_long']);
  });

  it.each([`"a"`, ' a', 'a ', 'a #b', 'a\rb'])(
    'is refused if the reply is to be expanded and the grammar reads it otherwise: %j',
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

describe('a line that comes back as it is, read by docker run --env-file', () => {
  it.each([
    ['A=1', 'alike'],
    ['\t A=a b $B "c"', 'alike'],
    ['\uFEFFA=1', 'alike'],
    ['A=1\r', 'alike'],
    ['\uFEFF # c', 'alike'],
    [' ', 'alike'],
    ['A=', 'alike'],
    [`A='b'`, 'otherwise'],
    ['A= b', 'otherwise'],
    ['A=b ', 'otherwise'],
    ['A=b # c', 'otherwise'],
    ['A= # c', 'otherwise'],
    ['A =b', 'everywhere'],
    ['export A=b', 'everywhere'],
    [`A='b\nC=d'`, 'everywhere'],
    [`A=${'b'.repeat(65_533)}`, 'alike'],
    [`A=${'b'.repeat(65_533)}\r`, 'everywhere'],
    [`A=${'b'.repeat(65_534)}`, 'everywhere'],
    [`#${'b'.repeat(65_535)}`, 'everywhere'],
    [`\uFEFFA=${'b'.repeat(65_533)}`, 'below'],
  ])('%# is %s', (line, reading) => {
    expect(readingOf('docker', line)).toBe(reading);
  });
});
