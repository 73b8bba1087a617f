import { describe, expect, it } from '@jest/globals';
import { tableLines } from '../../../system/table.ts';

describe('tableLines', () => {
  it('aligns columns behind wide characters, combining marks and escapes', () => {
    const rows = [
      ['日本', 'two columns each', ''],
      ['u\u0308', 'one column', 'x'],
      ['a\nb', 'one line', ''],
    ];
    expect(tableLines(['A', 'B', 'C'], rows)).toEqual([
      'A        B                 C',
      '日本     two columns each',
      'u\u0308        one column        x',
      'a\\u{a}b  one line',
    ]);
  });
});
