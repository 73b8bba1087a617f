/**
 * Writes docs/evidence.md: the tests that show each guarantee. A comment `// Shows G4, G7.` directly above a test or a
 * `describe` marks it, in any file. Run it with `npm run node -- test/support/evidence.ts`.
 */
import { globSync, readFileSync, writeFileSync } from 'node:fs';

/** A guarantee of docs/guarantees.md: its number, such as `G4`, and its title. */
type Guarantee = { readonly id: string; readonly title: string };
/** A marked test: the titles of the blocks around it, and its own. */
type Mark = {
  readonly file: string;
  readonly titles: readonly string[];
  readonly shows: readonly string[];
};

/** The guarantees of the text of docs/guarantees.md, in its order. */
export const guaranteesIn = (text: string): Guarantee[] =>
  [...text.matchAll(/^## (G\d+) · (.+)$/gm)].map(([, id = '', title = '']) => ({ id, title }));

const quoted = /'((?:\\.|[^'\\])*)'|"((?:\\.|[^"\\])*)"|`((?:\\.|[^`\\])*)`/.source;
const parameter = /%[sdifjoO#p]|\$\{(?:[^{}]|\{[^{}]*\})*\}|\$\w+(?:\.\w+)*/g;

/**
 * The title of the call on line `at`, with `…` for each parameter. A function follows the title, also behind the table
 * of an `each`, which the formatter closes at the indentation of the call.
 */
const titleAt = (lines: readonly string[], at: number, indent: number): string | undefined => {
  const open = `(?:^ {${indent}}\\w[\\w.]*|^ {${indent}}\\S.*\\))\\(`;
  const titled = new RegExp(`${open}\\s*(?:${quoted})\\s*,\\s*(?:async\\b|\\(|\\w+ =>)`, 'm');
  const [, single, double, template] = titled.exec(lines.slice(at).join('\n')) ?? [];
  const title = single ?? double ?? template;
  return title?.replace(/\\(.)/g, '$1').replace(parameter, '…');
};

/** The titles of the call on line `at` and of the `describe` blocks around it, outermost first. */
const titlesAt = (lines: readonly string[], at: number): (string | undefined)[] => {
  const titles: (string | undefined)[] = [];
  let inside = Number.POSITIVE_INFINITY;
  for (let above = at; above >= 0; above -= 1) {
    const line = lines[above] ?? '';
    const indent = line.search(/\S/);
    if (indent < 0 || indent >= inside) continue;
    // `])('title', …` ends the table of an `each`, which begins further up at the same indentation.
    const endsTable = /^ *[\])}]+\(/.test(line);
    inside = endsTable ? indent + 1 : indent;
    if (above === at || /^ *describe/.test(line)) titles.unshift(titleAt(lines, above, indent));
  }
  return titles;
};

/** The marked tests of a file, in its order. Throws if a marker is malformed or stands above no test. */
export const marksIn = (file: string, source: string): Mark[] => {
  const lines = source.split('\n');
  return lines.flatMap((line, at) => {
    const words = /^ *\/\/ Shows (G\d.*)$/.exec(line)?.[1];
    if (words === undefined) return [];
    const where = `${file}:${at + 1}: ${line.trim()}`;
    if (!/^G\d+(, G\d+)*\.$/.test(words)) throw new Error(`${where}: write "// Shows G4, G7."`);
    const titles = titlesAt(lines, at + 1).map((title) => {
      if (title === undefined) throw new Error(`${where}: no test with a title follows`);
      return title;
    });
    return [{ file, titles, shows: words.slice(0, -1).split(', ') }];
  });
};

/** A list item in lines of at most 120 columns. */
const wrapped = (item: string): string =>
  item.replaceAll(/(.{1,117})(?: |$)/g, '\n  $1').replace('\n  ', '- ');

/** The groups of tests: the blocks that hold the marked tests, and the titles of tests in no block. */
const groupsOf = (marks: readonly Mark[]): string[] => [
  ...new Set(marks.map(({ titles }) => titles.slice(0, -1).join(' › ') || titles.join())),
];

/** The marked tests of one file as a list item, with their groups if the file has other marked ones, too. */
const itemOf = (file: string, shown: readonly Mark[], ofFile: readonly Mark[]): string => {
  const groups = groupsOf(shown);
  const name = `[${file.replace(/^test\/|\.test\.ts$/g, '')}](../${file})`;
  const isWhole = groups.length === groupsOf(ofFile).length;
  return wrapped(isWhole ? name : `${name}: ${groups.join('; ')}`);
};

/** The text of docs/evidence.md. Throws if a guarantee has no test, or if a marker names an unknown guarantee. */
export const evidencePage = (guarantees: readonly Guarantee[], marks: readonly Mark[]): string => {
  const ids = new Set(guarantees.map(({ id }) => id));
  for (const { file, titles, shows } of marks) {
    const unknown = shows.find((id) => !ids.has(id));
    if (unknown !== undefined) {
      throw new Error(`${file}: unknown guarantee ${unknown}: ${titles.join(' › ')}`);
    }
  }
  const lists = guarantees.map(({ id, title }) => {
    const shown = marks.filter(({ shows }) => shows.includes(id));
    if (shown.length === 0) throw new Error(`no test shows ${id} · ${title}`);
    const items = [...Map.groupBy(shown, ({ file }) => file)].map(([file, ofGuarantee]) =>
      itemOf(
        file,
        ofGuarantee,
        marks.filter((mark) => mark.file === file),
      ),
    );
    return `\n## ${id} · ${title}\n\n${items.join('\n')}\n`;
  });
  return `# Evidence

The files with the tests that best show each guarantee of [guarantees.md](guarantees.md). If other tests of a file show
other guarantees, the titles of its groups follow, with \`…\` for a parameter. \`git grep -A2 'Shows.*\\bG4\\b' test\` prints
the tests of a guarantee. \`npm run fix\` writes this page.
${lists.join('')}`;
};

export const evidenceFile = 'docs/evidence.md';

/** The text that docs/evidence.md must have now. Throws like `marksIn` and `evidencePage`. */
export const currentEvidence = (): string => {
  const marks = globSync('test/**/*.test.ts')
    .sort()
    .flatMap((file) => marksIn(file, readFileSync(file, 'utf8')));
  return evidencePage(guaranteesIn(readFileSync('docs/guarantees.md', 'utf8')), marks);
};

if (process.argv[1]?.endsWith('test/support/evidence.ts')) {
  writeFileSync(evidenceFile, currentEvidence());
}
