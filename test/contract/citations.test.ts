import { globSync, readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { citationsIn, faultOf, isTitleIn, titlesIn } from '../support/citations.ts';

const documents = [...globSync('*.md'), ...globSync('docs/**/*.md')];

describe('the documents', () => {
  const citations = documents.flatMap((name) => citationsIn(name, readFileSync(name, 'utf8')));

  it('cite many tests', () => {
    expect(citations.length).toBeGreaterThan(300);
    expect(new Set(citations.map(({ document }) => document)).size).toBeGreaterThan(5);
  });

  it('cite only existing tests, by their exact titles', () => {
    expect(citations.flatMap((citation) => faultOf(citation) ?? [])).toEqual([]);
  });
});

describe('a citation', () => {
  const cited = (markdown: string) =>
    citationsIn('docs/page.md', markdown).map(({ line, file, title }) => [line, file, title]);

  it('consists of a link to a test and the italic texts behind it', () => {
    const markdown = [
      'An *emphasis*, then a claim ([unit/a](../test/unit/a.test.ts): *does one',
      'thing* · **not** *another*; [other](other.md): *no title*; [b](../test/b): *more*).',
      '',
      '*Nothing is cited in the next paragraph.*',
    ].join('\n');
    expect(cited(markdown)).toEqual([
      [1, 'test/unit/a.test.ts', undefined],
      [1, 'test/unit/a.test.ts', 'does one thing'],
      [2, 'test/unit/a.test.ts', 'another'],
      [2, 'test/b', undefined],
      [2, 'test/b', 'more'],
    ]);
  });

  it('ends with its list item and is ignored inside code', () => {
    const link = '[a](../test/a.test.ts)';
    expect(cited(`- ${link}: *one*\n- *two*`)).toHaveLength(2);
    expect(cited(`\`\`\`\n${link}: *one*\n\`\`\`\n`)).toEqual([]);
  });

  const source = [
    "describe('a thing', () => {",
    "  it('does one thing', () => {});",
    "  it.each([['by day'], ['at %s']])('works %s, \\'ever\\'', async (when) => {});",
    // biome-ignore lint/suspicious/noTemplateCurlyInString: source text, not a template
    '  it(`counts to ${limits.max({})}`, () => {});',
    "  text.replace('no title', () => '');",
    "  itLocal('does more', async () => {});",
    '});',
  ].join('\n');

  it('matches a title of the file, also one with parameters', () => {
    const titles = ['a thing', 'does one thing', "works …, 'ever'", 'counts to …', 'does more'];
    expect(titlesIn(source)).toEqual(titles);
    for (const title of [...titles, 'does … thing', "works by day, 'ever'"]) {
      expect([title, isTitleIn(title, source)]).toEqual([title, true]);
    }
  });

  it.each(['does one', 'one thing', 'does two things', "works by night, 'ever'", 'no title', ''])(
    'matches no title by %j',
    (title) => {
      expect(isTitleIn(title, source)).toBe(false);
    },
  );

  it('gets a report with document, line and text if its test or title is missing', () => {
    const [gone, file] = ['test/gone.test.ts', 'test/contract/citations.test.ts'];
    const at = { document: 'docs/page.md', line: 7 };
    expect(faultOf({ ...at, file: gone, title: undefined })).toBe(
      `docs/page.md:7 cites ${gone}, which does not exist`,
    );
    expect(faultOf({ ...at, file, title: 'cite nothing' })).toBe(
      `docs/page.md:7 cites ${file} for a test that it does not have: cite nothing`,
    );
    expect(faultOf({ ...at, file, title: 'cite many tests' })).toBeUndefined();
  });
});
