import { afterEach, expect, it, jest } from '@jest/globals';
import { reportFailure } from '../../../cli/output/print-failure.ts';
import { planFile } from '../../../functions/env/plan.ts';
import { renderFile } from '../../../functions/env/render.ts';

afterEach(() => void jest.restoreAllMocks());

it('reports an error of the code that dsvault shares with the vault as a defect, not as an unreachable vault', () => {
  const printed: unknown[] = [];
  jest.spyOn(process.stderr, 'write').mockImplementation((text) => printed.push(text) > 0);
  const [content, values] = ['A=secret(X)\n', new Map<string, string>()];
  const plan = planFile({ content, values, dialect: 'shell', mode: 'expand' });
  let exitCode: number | undefined;
  try {
    renderFile(plan, new Map(), 'text');
  } catch (error) {
    exitCode = reportFailure(error);
  }
  expect({ exitCode, printed: printed.join('') }).toEqual({
    exitCode: 1,
    printed: expect.stringContaining('a defect of dsvault'),
  });
});
