import { describe, expect, it } from '@jest/globals';
import { diffLines } from '../../../cli/console/page/line-diff.ts';

const lines = (count: number, mark = ''): string =>
  Array.from({ length: count }, (_, index) => `line ${index}${mark}`).join('\n');

describe('diffLines', () => {
  it('returns removed and added lines among equal ones', () => {
    expect(diffLines('host\nold\nport', 'host\nnew\nport')).toEqual([
      { kind: 'same', text: 'host' },
      { kind: 'removed', text: 'old' },
      { kind: 'added', text: 'new' },
      { kind: 'same', text: 'port' },
    ]);
  });

  it('returns no lines for equal texts', () => {
    expect(diffLines('a\nb', 'a\nb')).toEqual([]);
    expect(diffLines('', '')).toEqual([]);
  });

  it('shows a line feed at the end of the text as an empty last line', () => {
    expect(diffLines('a', 'a\n')).toEqual([
      { kind: 'same', text: 'a' },
      { kind: 'added', text: '' },
    ]);
  });

  it('omits equal lines far from a difference, but never a single line', () => {
    const before = lines(10);
    expect(diffLines(`${before}\nx\n${before}`, `${before}\ny\n${before}`)).toEqual([
      { kind: 'skipped', count: 7 },
      ...[7, 8, 9].map((index) => ({ kind: 'same', text: `line ${index}` })),
      { kind: 'removed', text: 'x' },
      { kind: 'added', text: 'y' },
      ...[0, 1, 2].map((index) => ({ kind: 'same', text: `line ${index}` })),
      { kind: 'skipped', count: 7 },
    ]);
    expect(diffLines(`${lines(4)}\nx`, `${lines(4)}\ny`)).toHaveLength(6);
    const between = lines(8);
    expect(diffLines(`x\n${between}\nx`, `y\n${between}\ny`)?.[5]).toEqual({
      kind: 'skipped',
      count: 2,
    });
  });

  it('shows invisible characters, and those that change the direction of text, as escapes', () => {
    expect(diffLines('a\r', 'a\u202eb\t')).toEqual([
      { kind: 'removed', text: 'a\\u{d}' },
      { kind: 'added', text: 'a\\u{202e}b\t' },
    ]);
  });

  it('returns undefined if too many lines differ', () => {
    expect(diffLines(lines(1_500), lines(1_500, '!'))).toBeUndefined();
    expect(diffLines(lines(900), lines(900, '!'))).toHaveLength(1_800);
  });
});
