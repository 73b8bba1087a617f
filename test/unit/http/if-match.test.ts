import { describe, expect, it } from '@jest/globals';
import { ifMatchOf, ifNoneMatchOf, refuseHeader } from '../../../functions/http/requests.ts';
import { requestOf, requestWith } from '../../support/events.ts';
import { fieldOf } from '../../support/refusals.ts';

describe('If-Match', () => {
  const read = (value: string) => ifMatchOf(requestWith({ 'If-Match': value }));

  it('is undefined if the header is absent', () => {
    expect(ifMatchOf(requestOf())).toBeUndefined();
  });

  it.each<[string, '*' | string[]]>([
    ['*', '*'],
    ['"5.k3f9qzTb", "6", W/"5.k3f9qzTb", "7.-_0aZz9A"', ['5.k3f9qzTb', '6', '7.-_0aZz9A']],
    [' * ', '*'],
    ['"1"', ['1']],
    ['"999999999"', ['999999999']],
    ['"1", "2" ,"3"', ['1', '2', '3']],
    [' "1"\t,\t"2" ', ['1', '2']],
    ['W/"1", "2"', ['2']],
    ['"2", W/"1"', ['2']],
    ['"a,b", "7"', ['7']],
    ['"aW/", "7"', ['7']],
    ['"8W/","7"', ['7']],
  ])('is read from %s as %j', (value, expected) => {
    expect(read(value)).toEqual(expected);
  });

  it.each([
    '"1.k3f9qzT"',
    '"1.k3f9qzTbc"',
    '"1.k3f9qz+b"',
    '"0.k3f9qzTb"',
    '"1.k3f9qzTb."',
    '".k3f9qzTb"',
    'W/"1"',
    '"0"',
    '"01"',
    '"1000000000"',
    '"-1"',
    '"1.0"',
    '"1e3"',
    '"٣"',
    '""',
    '"*"',
  ])('contains no version if it is %s', (value) => {
    expect(read(value)).toEqual([]);
  });

  it.each([
    ...['', ' ', '1', "'1'", '"1', '1"', '"1"2"', '"1" "2"', '"1",', ',"1"', '"1",,"2"'],
    ...['"1", *', '*, "1"', '**', 'w/"1"', 'W/1', 'W/ "1"', '"a b"', '"a\u0007"', '"a\u007f"'],
  ])('is rejected if it is %j', async (value) => {
    expect(await fieldOf(() => read(value))).toBe('invalid_request if-match');
  });

  it('is one list even if it is sent in several header lines', async () => {
    const lines = (...values: string[]) =>
      ifMatchOf(requestOf({ multiValueHeaders: { 'if-match': values } }));
    expect(lines('"1"', '"2", "3"')).toEqual(['1', '2', '3']);
    expect(await fieldOf(() => lines('*', '*'))).toBe('invalid_request if-match');
  });
});

describe('If-None-Match', () => {
  it.each<[string, '*' | string[]]>([
    ['*', '*'],
    ['"3"', ['3']],
    ['W/"3", "4"', ['3', '4']],
    ['W/"3.k3f9qzTb"', ['3.k3f9qzTb']],
    ['"x"', []],
  ])('is read from %s as %j, because it compares weakly', (value, expected) => {
    expect(ifNoneMatchOf(requestWith({ 'If-None-Match': value }))).toEqual(expected);
  });

  it('causes an error with its own name if it is not a list of entity-tags', async () => {
    const read = () => ifNoneMatchOf(requestWith({ 'If-None-Match': '3' }));
    expect(await fieldOf(read)).toBe('invalid_request if-none-match');
  });
});

describe('a header that a route does not allow', () => {
  const refuse = (headers: Record<string, string>) => () =>
    refuseHeader(requestWith(headers), 'if-none-match', 'has no meaning here');

  it.each(['*', '"1"', ''])('causes an error with its name: %j', async (value) => {
    const call = refuse({ 'if-NONE-match': value });
    expect(await fieldOf(call)).toBe('invalid_request if-none-match');
  });

  it('is no problem if it is absent', () => {
    expect(refuse({ 'If-Match': '"1"' })).not.toThrow();
  });
});
