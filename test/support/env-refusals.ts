/** Why lines cannot be written, as a dialect's tests state it. */
import { expect } from '@jest/globals';
import type { Dialect } from '../../functions/env/dialects/dialect.ts';
import { contentOf, plan, refusal, render } from './env-runs.ts';

/** `line reason`, with the line that is to blame, of all that `work` is refused for. */
export const reasonsOf = (work: () => unknown): string[] => {
  const { code, errors = [] } = refusal(work);
  if (code !== 'invalid_env') return [code];
  return errors.map(({ line, reason, causeLine }) =>
    [line, reason, ...(causeLine === undefined ? [] : [causeLine])].join(' '),
  );
};

/** How a dialect writes a value in place of the `secret(X)` of a file. */
export const writerFor =
  (dialect: Dialect) =>
  (value: string, text = 'A=secret(X)\n'): string =>
    contentOf(text, { mode: 'expand', dialect, secrets: { X: value } });

/**
 * What the dialect makes of a line of the caller's own, told by what becomes of those around it. Above one
 * with a byte order mark there is none.
 */
export const readingOf = (dialect: Dialect, line: string): string => {
  const options = { mode: 'expand', dialect, secrets: { X: 'v' } } as const;
  if (!line.startsWith('\uFEFF')) {
    const above = reasonsOf(() => plan(`T=secret(X)\n${line}\n`, options));
    if (above.join() === '1 other_line 2') return 'everywhere';
    expect(above).toEqual(['nothing was thrown']);
  }
  const below = `${line}\nT=secret(X)\n`;
  const [refused] = reasonsOf(() => plan(below, options));
  if (refused?.endsWith(' other_line 1')) return 'below';
  expect(refused).toBe('nothing was thrown');
  const { warnings } = render(below, options);
  if (warnings.length === 0) return 'alike';
  expect(warnings).toEqual([{ line: 1, code: 'reader_disagrees' }]);
  return 'otherwise';
};
