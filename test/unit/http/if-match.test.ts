import { describe, expect, it } from '@jest/globals';
import { ifMatchOf, refuseIfNoneMatch } from '../../../functions/http/requests.ts';
import { requestOf, requestWith } from '../../support/events.ts';
import { refusalOf } from '../../support/refusals.ts';

const fieldOf = async (call: () => unknown): Promise<string> => {
  const { code, members } = await refusalOf(call);
  return `${code} ${members.field}`;
};

describe('If-Match', () => {
  const read = (value: string) => ifMatchOf(requestWith({ 'If-Match': value }));

  it('gives undefined if the header is absent', () => {
    expect(ifMatchOf(requestOf())).toBeUndefined();
  });

  it.each<[string, '*' | number[]]>([
    ['*', '*'],
    [' * ', '*'],
    ['"1"', [1]],
    ['"999999999"', [999_999_999]],
    ['"1", "2" ,"3"', [1, 2, 3]],
    [' "1"\t,\t"2" ', [1, 2]],
    ['W/"1"', []],
    ['W/"1", "2"', [2]],
    ['"2", W/"1"', [2]],
    ['"0"', []],
    ['"01"', []],
    ['"1000000000"', []],
    ['"-1"', []],
    ['"1.0"', []],
    ['"1e3"', []],
    ['"٣"', []],
    ['""', []],
    ['"*"', []],
    ['"a,b", "7"', [7]],
    ['"aW/", "7"', [7]],
    ['"8W/","7"', [7]],
  ])('reads %s as %j', (value, expected) => {
    expect(read(value)).toEqual(expected);
  });

  it.each([
    '',
    ' ',
    '1',
    "'1'",
    '"1',
    '1"',
    '"1"2"',
    '"1" "2"',
    '"1",',
    ',"1"',
    '"1",,"2"',
    '"1", *',
    '*, "1"',
    '**',
    'w/"1"',
    'W/1',
    'W/ "1"',
    '"a b"',
    '"a\u0007"',
    '"a\u007f"',
  ])('rejects %j', async (value) => {
    expect(await fieldOf(() => read(value))).toBe('invalid_request if-match');
  });

  it('reads several header lines as one list', async () => {
    const lines = (...values: string[]) =>
      ifMatchOf(requestOf({ multiValueHeaders: { 'if-match': values } }));
    expect(lines('"1"', '"2", "3"')).toEqual([1, 2, 3]);
    expect(await fieldOf(() => lines('*', '*'))).toBe('invalid_request if-match');
  });

  it.each([
    ['a quote that never ends', `"${'a'.repeat(20_000)}`],
    ['blanks and no tag', ' '.repeat(20_000)],
    ['blanks behind a tag', `"1"${' '.repeat(20_000)}x`],
    ['blanks around every comma', `${'"1" , '.repeat(3_000)}x`],
    ['commas', ','.repeat(20_000)],
    ['quotes', '"'.repeat(20_001)],
    ['weak beginnings', 'W/'.repeat(10_000)],
  ])('rejects 20 kB in milliseconds: %s', async (_, value) => {
    const began = process.cpuUsage();
    expect(await fieldOf(() => read(value))).toBe('invalid_request if-match');
    expect(process.cpuUsage(began).user).toBeLessThan(100_000);
  });

  it('reads 20 kB in milliseconds', () => {
    const began = process.cpuUsage();
    expect(read(Array(5_000).fill('"1"').join(','))).toHaveLength(5_000);
    expect(process.cpuUsage(began).user).toBeLessThan(100_000);
  });
});

describe('If-None-Match', () => {
  it.each(['*', '"1"', ''])('rejects %j, because an update never creates', async (value) => {
    const event = requestWith({ 'if-NONE-match': value });
    expect(await fieldOf(() => refuseIfNoneMatch(event))).toBe('invalid_request if-none-match');
  });

  it('accepts a request without the header', () => {
    expect(() => refuseIfNoneMatch(requestWith({ 'If-Match': '"1"' }))).not.toThrow();
  });
});
