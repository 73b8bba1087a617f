/**
 * Turns the reasons why a dialect cannot write lines of a `.env` file into short texts, for the
 * tests of dialects.
 */
import { expect } from '@jest/globals';
import type { Dialect } from '../../functions/env/dialects/dialect.ts';
import { plan, refusal, render } from './env-runs.ts';

/**
 * Calls `work` and returns each error of its refusal as `line reason`, followed by the number of
 * the line that caused it, if that is another line.
 */
export const reasonsOf = (work: () => unknown): string[] => {
  const { code, errors = [] } = refusal(work);
  if (code !== 'invalid_env') return [code];
  return errors.map(({ line, reason, causeLine }) =>
    [line, reason, ...(causeLine === undefined ? [] : [causeLine])].join(' '),
  );
};

/**
 * Finds out how the readers of a dialect understand a line that the caller wrote, from what happens
 * to references above and below it. A line with a byte order mark must come first in its file, so
 * then only the reference below is tried.
 */
export const readingOf = (dialect: Dialect, line: string): string => {
  const options = { mode: 'expand', dialect, secrets: { X: 'v' } } as const;
  if (!line.startsWith('\uFEFF')) {
    const above = reasonsOf(() => plan(`T=secret(X)\n${line}\n`, options));
    if (above.join() === '1 other_line 2') return 'whole file';
    expect(above).toEqual(['nothing was thrown']);
  }
  const below = `${line}\nT=secret(X)\n`;
  const [refused] = reasonsOf(() => plan(below, options));
  if (refused?.endsWith(' other_line 1')) return 'lines below';
  expect(refused).toBe('nothing was thrown');
  const { warnings } = render(below, options);
  if (warnings.length === 0) return 'same';
  expect(warnings).toEqual([{ line: 1, code: 'reader_disagrees' }]);
  return 'different';
};
