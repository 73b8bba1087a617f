import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import {
  currentEvidence,
  evidenceFile,
  evidencePage,
  guaranteesIn,
  marksIn,
} from '../../support/evidence.ts';

describe('docs/evidence.md', () => {
  // To mend it: npm run node -- test/support/evidence.ts
  it('matches the guarantees and the marked tests', () => {
    expect(readFileSync(evidenceFile, 'utf8')).toBe(currentEvidence());
  });
});

describe('the marks of a test file', () => {
  const titlesIn = (...lines: string[]) =>
    marksIn('a.test.ts', lines.join('\n')).map(({ titles, shows }) => [
      titles.join(' › '),
      shows.join(),
    ]);

  it('take the titles of the blocks around the test, and of no other block', () => {
    const titles = titlesIn(
      "describe('a store', () => {",
      "  it('opens', () => {});",
      '});',
      "describe.each([['cold'], ['hot']])('a %s vault', () => {",
      "  describe('before', () => {});",
      '  // Shows G1, G12.',
      "  it('opens', () => {});",
      '});',
      '// Shows G2.',
      "describeLocal('a node', () => {});",
      'const start = () => {',
      '  // Shows G3.',
      "  it('starts', () => {});",
      '};',
    );
    expect(titles).toEqual([
      ['a … vault › opens', 'G1,G12'],
      ['a node', 'G2'],
      ['starts', 'G3'],
    ]);
  });

  it('take the title behind a table, with a sign for each parameter', () => {
    const titles = titlesIn(
      'describe.each([',
      "  ['x', () => 1],",
      "])('a %s', () => {",
      '  // Shows G4.',
      '  it.each([',
      "    [f('no title', () => 2)],",
      '  ])(',
      // biome-ignore lint/suspicious/noTemplateCurlyInString: source text, not a template
      '    `takes $name and ${limit({})}`,',
      '    async () => {},',
      '  );',
      '});',
    );
    expect(titles).toEqual([['a … › takes … and …', 'G4']]);
  });

  it('fail if a marker is malformed or stands above no test', () => {
    expect(() => titlesIn('// Shows G4 and G7', "it('x', () => {});")).toThrow('a.test.ts:1');
    expect(() => titlesIn('// Shows G4.', 'const x = 1;')).toThrow('no test with a title');
  });
});

describe('the page of evidence', () => {
  const guarantees = guaranteesIn('# Page\n\n## G1 · Existence\n\nText.\n\n## Not promised\n');
  const mark = { file: 'test/unit/a.test.ts', titles: ['a store', 'opens'], shows: ['G1'] };
  const another = { ...mark, titles: ['a store', 'closes'] };

  it('lists the files of each guarantee, with the groups of tests if a file has more of them', () => {
    const page = evidencePage(guarantees, [mark, another]);
    expect(page).toContain('## G1 · Existence\n\n- [unit/a](../test/unit/a.test.ts)\n');
    const two = guaranteesIn('## G1 · Existence\n## G2 · Order\n');
    const other = { ...mark, titles: ['a list', 'begins'], shows: ['G2'] };
    const pageOfTwo = evidencePage(two, [mark, another, other]);
    expect(pageOfTwo).toContain('\n- [unit/a](../test/unit/a.test.ts): a store\n');
    expect(pageOfTwo).toContain('\n- [unit/a](../test/unit/a.test.ts): a list\n');
  });

  it('fails while a guarantee has no test or a marker names an unknown guarantee', () => {
    expect(() => evidencePage(guarantees, [])).toThrow('no test shows G1');
    const unknown = { ...mark, shows: ['G1', 'G9'] };
    expect(() => evidencePage(guarantees, [unknown])).toThrow('unknown guarantee G9');
  });
});
