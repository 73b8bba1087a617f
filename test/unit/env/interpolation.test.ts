/** Which readers interpolate a value. test/proof/readers compares this with the real readers. */
import { describe, expect, it } from '@jest/globals';
import { findInterpolations } from '../../../functions/env/agreement.ts';
import { dialectNames, isDialect } from '../../../functions/env/dialects/dialect.ts';
import { parseFile } from '../../../functions/env/grammar.ts';

const dialects = dialectNames.split(', ').filter(isDialect);
const all = ['shell', 'compose', 'dotenv', 'python', 'ruby', 'php'];

const interpolating = (content: string) =>
  dialects.filter(
    (dialect) => findInterpolations({ content, file: parseFile(content) }, dialect).length > 0,
  );

describe('findInterpolations', () => {
  it.each([
    [`A="\${B}/c"`, all],
    [`A=\${B}`, all],
    ['A="$B/c"', ['shell', 'compose', 'dotenv', 'ruby']],
    ['A=$1', ['shell', 'ruby']],
    ['A=a$$b', ['shell', 'compose', 'dotenv', 'ruby']],
    ['A="$(date)"', ['shell', 'dotenv', 'ruby']],
    ['A="`date`"', ['shell']],
    [`A='\${B}'`, ['dotenv', 'python']],
    ["A='$B'", ['dotenv']],
    [`A="\\\${B}"`, ['python']],
    ['A="\\$B"', []],
    [`A=a#\${B}`, ['shell', 'compose', 'python']],
    [`A=1 # \${B}`, []],
    ['A=5$', []],
    ['A="5 $ off"', []],
    ['# $B', []],
  ])('finds that of %s for %j', (content, expected) => {
    expect(interpolating(content)).toEqual(expected);
  });

  it('says where a value begins, and whether it has a reference too', () => {
    const content = `A=1\nexport B = "$A"\nC="$A secret(X)"\nD=$A\\secret(X)\n`;
    const shared = { dialect: 'shell' };
    expect(findInterpolations({ content, file: parseFile(content) }, 'shell')).toEqual([
      { ...shared, line: 2, column: 12, code: 'interpolated', key: 'B' },
      { ...shared, line: 3, column: 3, code: 'interpolated_reference', key: 'C' },
      { ...shared, line: 4, column: 3, code: 'interpolated', key: 'D' },
    ]);
  });

  it('finds nothing in a file with errors, which are reported instead', () => {
    const content = 'A=$B\nC\n';
    expect(findInterpolations({ content, file: parseFile(content) }, 'shell')).toEqual([]);
  });
});
