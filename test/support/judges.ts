/**
 * For `mutate.ts`: finds the tests that CONTRIBUTING.md names for a file, from the nearest to the
 * slowest, and reads from their output whether they noticed a break.
 */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

export type Ended = {
  readonly passed: boolean;
  /** Whether the run was killed because it took too long. */
  readonly late: boolean;
  readonly printed: string;
};

type Word = 'noticed' | 'timed out' | 'not compiled' | 'passed' | 'no test ran';
export type Verdict = { readonly word: Word; readonly by: string };

const wordsIn = (cell: string): readonly string[] =>
  [...cell.matchAll(/`([^`]+)`/g)].map(([, word = '']) => word);

/**
 * Finds the table with this heading in CONTRIBUTING.md, and returns the second cell of the row
 * whose first cell fits a file most closely. The first cell names files and folders; all but its
 * first name are relative to the folder of that one.
 */
const findCell = (page: string, heading: string, file: string): string | undefined => {
  const [, after = ''] = page.split(`\n| ${heading} |`);
  const rows = after.split('\n\n')[0]?.split('\n').slice(2) ?? [];
  const places = rows.flatMap((row) => {
    const [, names = '', cell = ''] = row.split('|');
    const [first = '', ...others] = wordsIn(names);
    return [first, ...others.map((name) => join(dirname(first), name))].map((place) => ({
      place,
      cell,
    }));
  });
  return places
    .filter(({ place }) => file === place || (place.endsWith('/') && file.startsWith(place)))
    .sort((one, other) => other.place.length - one.place.length)[0]?.cell;
};

/**
 * Returns the folder of unit tests that is closest to a file; `undefined` if only the folder of all
 * unit tests fits.
 */
const unitFolderOf = (file: string): string | undefined => {
  let folder = join('test/unit', dirname(file).replace(/^functions/, ''));
  while (!existsSync(folder)) folder = dirname(folder);
  return folder === 'test/unit' ? undefined : `${folder}/`;
};

/**
 * Returns the runs that judge a file, in order, each as the arguments of Node; an empty list if
 * CONTRIBUTING.md names no tests for the file. Leaves out the slow suites that cannot be limited to
 * a file: `proof`, `browser` and `cloud`.
 */
export const judgesOf = (
  file: string,
  page = readFileSync('CONTRIBUTING.md', 'utf8'),
): readonly (readonly string[])[] => {
  const cell = findCell(page, 'you changed', file);
  if (cell === undefined) return [];
  const jest = (projects: readonly string[], ...words: readonly string[]) => [
    ...['node_modules/jest/bin/jest.js', '--bail', '--forceExit', '--passWithNoTests'],
    ...['--selectProjects', ...projects, ...words],
  ];
  const here = wordsIn(cell).filter((word) => word === 'unit' || word === 'contract');
  const near = here.includes('unit') && unitFolderOf(file);
  const typescript = file.startsWith('cli/console/page/') ? ['-p', 'cli/console/page'] : [];
  const programs = wordsIn(cell).includes('e2e');
  const cluster = wordsIn(findCell(page, 'part of a node', file) ?? '');
  return [
    ...(near ? [jest(['unit'], '--testPathPatterns', near)] : []),
    ['node_modules/typescript/bin/tsc', ...typescript],
    jest(here, '--findRelatedTests', file),
    ...(programs
      ? [jest(['e2e'], '--testPathPatterns', `/e2e/.*${file.split('/')[0]}`), jest(['e2e'])]
      : []),
    ...(cluster.length > 0 ? [jest(['cluster'], '--testPathPatterns', ...cluster)] : []),
  ];
};

/**
 * Decides from a run whether it noticed the break. A test that only took too long proves nothing.
 */
export const verdictOf = ({ passed, late, printed }: Ended): Verdict => {
  if (late) return { word: 'timed out', by: 'the whole run' };
  if (passed) {
    const ran = /^Tests:.* [1-9]\d* passed/m.exec(printed)?.[0];
    return ran === undefined ? { word: 'no test ran', by: '' } : { word: 'passed', by: ran };
  }
  const [error] = /\S+: error TS.*/.exec(printed) ?? [];
  if (error !== undefined) return { word: 'not compiled', by: error };
  const failures = printed.split(/^ *● (?!Console)/m).slice(1);
  const failure = failures.find((one) => !one.includes('Exceeded timeout of'));
  const [by = 'an end without a result'] = (failure ?? failures[0])?.split('\n') ?? [];
  return { word: failures.length > 0 && !failure ? 'timed out' : 'noticed', by };
};
